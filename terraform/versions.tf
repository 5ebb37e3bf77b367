terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9"
    }
  }

  # Which bucket, and where in it, says environments/<environment>.gcs.tfbackend.
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region

  # The billing budget's API counts calls to a project, which is this one.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    application = "briefly"
    environment = var.environment
  }
}
