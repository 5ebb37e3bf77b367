resource "google_cloudfunctions2_function" "this" {
  name     = var.name
  location = var.region

  build_config {
    runtime           = var.runtime
    entry_point       = var.target
    service_account   = var.builder
    docker_repository = var.repository

    source {
      storage_source {
        bucket = var.package.bucket
        object = var.package.object
      }
    }

    # Security fixes of the runtime come without a deployment.
    automatic_update_policy {}
  }

  service_config {
    service_account_email            = var.service_account
    available_memory                 = var.memory
    available_cpu                    = tostring(var.cpu)
    timeout_seconds                  = var.timeout
    max_instance_request_concurrency = var.concurrency
    min_instance_count               = var.min_instances
    max_instance_count               = var.max_instances
    environment_variables            = var.environment
    all_traffic_on_latest_revision   = true

    # The gateway, Clerk and Google's own services call from outside; who may is IAM's to say.
    ingress_settings = "ALLOW_ALL"

    dynamic "secret_volumes" {
      for_each = toset(var.secrets)
      iterator = secret

      content {
        project_id = var.project_id
        secret     = secret.key
        # No two secrets can be mounted at one path.
        mount_path = "${var.secrets_dir}/${secret.key}"

        versions {
          version = "latest"
          path    = "value"
        }
      }
    }
  }
}
