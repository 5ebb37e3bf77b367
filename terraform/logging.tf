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
