# Functions that stream run on Cloud Run itself: they go on working after an answer has ended, for which their CPU has to
# be theirs all the time, and that Cloud Functions does not offer.

locals {
  images = {
    for name, row in local.streams : name => join("/", [
      "${var.region}-docker.pkg.dev",
      var.project_id,
      google_artifact_registry_repository.functions.repository_id,
      "${name}:${join("-", compact([local.packages[name].sha256, var.rebuilt]))}",
    ])
  }
}

# The service's own build_config describes a build but starts none
# (https://github.com/hashicorp/terraform-provider-google/issues/22263).
resource "terraform_data" "image" {
  for_each = local.streams

  triggers_replace = [local.images[each.key]]

  provisioner "local-exec" {
    command = join(" ", [
      "gcloud builds submit \"gs://$BUCKET/$OBJECT\"",
      "--project=\"$PROJECT\" --region=\"$REGION\" --config=\"$CONFIG\" --quiet",
      "--gcs-source-staging-dir=\"gs://$BUCKET/$STAGING\" --substitutions=\"_IMAGE=$IMAGE,_TARGET=$TARGET,_PYTHON=$PYTHON\"",
    ])
    environment = {
      BUCKET  = google_storage_bucket.packages.name
      OBJECT  = google_storage_bucket_object.package[each.key].name
      PROJECT = var.project_id
      REGION  = var.region
      CONFIG  = "${path.module}/stream.cloudbuild.yaml"
      IMAGE   = local.images[each.key]
      TARGET  = local.packages[each.key].target
      STAGING = local.staging
      PYTHON  = format("3.%s.x", trimprefix(local.packages[each.key].runtime, "python3"))
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.builder,
    google_project_iam_member.builder_logs,
    google_project_iam_member.builder_sources,
  ]
}

resource "google_cloud_run_v2_service" "stream" {
  for_each = local.streams

  name                = each.key
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = var.deletion_protection

  template {
    service_account                  = local.accounts[each.key]
    timeout                          = "${each.value.timeout}s"
    max_instance_request_concurrency = each.value.concurrency
    # Readers find a run wherever it is produced.
    session_affinity = false

    scaling {
      min_instance_count = each.value.min_instances
      max_instance_count = each.value.max_instances
    }

    containers {
      image = local.images[each.key]

      resources {
        limits            = { cpu = tostring(each.value.cpu), memory = each.value.memory }
        cpu_idle          = false
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environments[each.key]

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = toset(each.value.secrets)
        iterator = secret

        content {
          name       = secret.key
          mount_path = "${local.secrets_dir}/${secret.key}"
        }
      }
    }

    dynamic "volumes" {
      for_each = toset(each.value.secrets)
      iterator = secret

      content {
        name = secret.key

        secret {
          secret = secret.key

          items {
            version = "latest"
            path    = "value"
          }
        }
      }
    }
  }

  # Said, so that an apply takes back what a rollback by hand has set.
  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  lifecycle {
    precondition {
      condition     = each.value.trigger == "http" && each.value.cpu >= 1
      error_message = "${each.key} streams, which takes the trigger http and a whole CPU."
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.reader,
    terraform_data.image,
  ]
}
