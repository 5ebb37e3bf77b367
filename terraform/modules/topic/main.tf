# A topic, the push subscriptions of the functions that it feeds, and the dead letters of these with a subscription that
# keeps them until somebody looks.

locals {
  # Spelled out, so that a plan can show it before the topic is there.
  dead_letter_topic = "projects/${var.project_id}/topics/${google_pubsub_topic.dead_letter.name}"
}

resource "google_pubsub_topic" "this" {
  name = var.name
  # So that a subscription can be set back in time after a fault.
  message_retention_duration = "${7 * 86400}s"
}

resource "google_pubsub_topic" "dead_letter" {
  name = "${var.name}-dead-letter"
}

resource "google_pubsub_topic_iam_member" "dead_letter" {
  topic  = google_pubsub_topic.dead_letter.name
  role   = "roles/pubsub.publisher"
  member = var.pubsub_agent
}

resource "google_pubsub_subscription" "recovery" {
  name                       = "${var.name}-recovery"
  topic                      = local.dead_letter_topic
  ack_deadline_seconds       = 60
  message_retention_duration = "${31 * 86400}s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = var.pushes

  name                       = each.key
  topic                      = "projects/${var.project_id}/topics/${google_pubsub_topic.this.name}"
  ack_deadline_seconds       = each.value.ack_deadline
  message_retention_duration = "${7 * 86400}s"

  push_config {
    push_endpoint = "${each.value.url}/"

    oidc_token {
      service_account_email = var.push_invoker
      audience              = each.value.url
    }
  }

  dead_letter_policy {
    dead_letter_topic     = local.dead_letter_topic
    max_delivery_attempts = var.max_delivery_attempts
  }

  # Each pause is twice the one before. Ten attempts last for some forty minutes, so that a fault of ten, of Firestore's for
  # example, leaves no dead letters. scripts/local/push.py does likewise.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub acknowledges what it has moved to the dead letters.
resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = google_pubsub_subscription.push

  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}
