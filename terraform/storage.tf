locals {
  soft_delete_days = 7
}

# https://cloud.google.com/storage/docs/buckets#naming: all projects of the world share one space of names.
resource "google_storage_bucket" "this" {
  for_each = local.buckets

  name                        = "${var.project_id}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  default_event_based_hold    = try(each.value.event_based_hold, false)
  force_destroy               = !var.deletion_protection && try(each.value.retention, null) == null

  # What a person deletes is gone after a week, also for us.
  soft_delete_policy {
    retention_duration_seconds = local.soft_delete_days * 86400
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "lifecycle_rule" {
    for_each = try(each.value.expires_after, null) == null ? [] : [each.value.expires_after]

    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value / 86400
      }
    }
  }

  dynamic "retention_policy" {
    for_each = try(each.value.retention, null) == null ? [] : [each.value.retention]

    content {
      retention_period = tostring(retention_policy.value)
      is_locked        = var.lock_retention
    }
  }

  # Browsers up- and download by signed URLs.
  cors {
    origin          = var.front_end_origins
    method          = ["GET", "POST", "PUT"]
    response_header = ["Content-Type", "Content-Range", "Location", "Range", "x-goog-content-length-range", "x-goog-if-generation-match", "x-goog-resumable"]
    max_age_seconds = 3600
  }

  depends_on = [google_project_service.this]
}
