output "name" {
  description = "The topic's name."
  value       = google_pubsub_topic.this.name
}

output "recovery" {
  description = "The subscription that keeps the dead letters."
  value       = google_pubsub_subscription.recovery.name
}
