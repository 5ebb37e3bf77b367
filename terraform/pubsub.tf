locals {
  pubsub_agent = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

module "topic" {
  source   = "./modules/topic"
  for_each = local.topics

  name         = each.key
  project_id   = var.project_id
  push_invoker = local.accounts["push-invoker"]
  pubsub_agent = local.pubsub_agent

  # Pub/Sub waits at least ten seconds for an answer, and at most ten minutes.
  pushes = {
    for name, row in local.functions : name => {
      url          = local.urls[name]
      ack_deadline = min(max(row.timeout, 10), 600)
    } if row.topic == each.key
  }

  depends_on = [google_project_service.this]
}
