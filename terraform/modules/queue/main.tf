resource "google_cloud_tasks_queue" "this" {
  name     = var.name
  location = var.region

  rate_limits {
    max_dispatches_per_second = var.rate_per_second
    max_concurrent_dispatches = var.concurrent
  }

  retry_config {
    max_attempts  = var.max_attempts
    min_backoff   = "${var.min_backoff}s"
    max_backoff   = "${var.max_backoff}s"
    max_doublings = var.max_doublings
  }

  # Every tenth task leaves its story in the logs.
  stackdriver_logging_config {
    sampling_ratio = 0.1
  }
}
