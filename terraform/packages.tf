# What functions are made of: zips named by their content, so that an edit deploys only what it changes, and the images
# that Cloud Build makes of them.

locals {
  staging = "staging"
}

resource "google_storage_bucket" "packages" {
  name                        = "${var.project_id}-packages"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = true
  }

  # What was replaced stays for a month, for a rollback by hand.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  # Cloud Build takes what streams from a copy.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 1
      matches_prefix = ["${local.staging}/"]
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_object" "package" {
  for_each = local.functions

  bucket = google_storage_bucket.packages.name
  name   = local.packages[each.key].archive
  source = "${var.packages_dir}/${local.packages[each.key].archive}"
}

resource "google_artifact_registry_repository" "functions" {
  location      = var.region
  repository_id = "functions"
  description   = "Images of functions, made by Cloud Build"
  format        = "DOCKER"

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_service_account" "builder" {
  account_id   = "builder"
  display_name = "Builds the images of functions"

  depends_on = [google_project_service.this]
}

locals {
  builder = "serviceAccount:${google_service_account.builder.account_id}@${var.project_id}.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "builder_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.builder
}

resource "google_artifact_registry_repository_iam_member" "builder" {
  location   = google_artifact_registry_repository.functions.location
  repository = google_artifact_registry_repository.functions.repository_id
  role       = "roles/artifactregistry.writer"
  member     = local.builder
}

# Cloud Functions copies a source to a bucket of its own before it builds it:
# https://cloud.google.com/functions/docs/securing/build-custom-sa
resource "google_project_iam_member" "builder_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.builder

  condition {
    title      = "Sources of functions only"
    expression = "resource.name.startsWith('projects/_/buckets/gcf-v2-sources-') || resource.name.startsWith('projects/_/buckets/${google_storage_bucket.packages.name}/')"
  }
}
