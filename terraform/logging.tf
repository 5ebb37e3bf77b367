# Each request's log line is the record of an API call: a sink carries it, so that it costs the request nothing.

resource "google_logging_project_sink" "this" {
  for_each = local.sinks

  name                   = each.key
  destination            = "pubsub.googleapis.com/projects/${var.project_id}/topics/${module.topic[each.value.topic].name}"
  filter                 = "resource.type=\"cloud_run_revision\" AND jsonPayload.event=\"${each.value.event}\""
  unique_writer_identity = true
}

resource "google_pubsub_topic_iam_member" "sink" {
  for_each = local.sinks

  topic  = module.topic[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = google_logging_project_sink.this[each.key].writer_identity
}

# Who opened a secret or used a key, and when, is on record; that they were changed is by itself.
resource "google_project_iam_audit_config" "opened" {
  for_each = toset(["secretmanager.googleapis.com", "cloudkms.googleapis.com"])

  project = var.project_id
  service = each.key

  audit_log_config {
    log_type = "DATA_READ"
  }
}
