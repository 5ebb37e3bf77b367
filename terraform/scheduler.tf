# What has to be done from time to time: each schedule of the catalogue publishes to its topic. Cloud Scheduler's own
# service agent may publish to every topic of the project: https://cloud.google.com/scheduler/docs/schedule-run-cron-job
resource "google_cloud_scheduler_job" "this" {
  for_each = local.schedules

  name      = each.key
  region    = var.region
  schedule  = each.value.cron
  time_zone = "Etc/UTC"

  pubsub_target {
    # Spelled out, so that a plan can show it before the topic is there.
    topic_name = "projects/${var.project_id}/topics/${module.topic[each.value.topic].name}"
    attributes = { duty = each.key }
  }

  # A duty that was not told of is told of at its next time.
  retry_config {
    retry_count = 3
  }

  depends_on = [google_project_service.this]
}
