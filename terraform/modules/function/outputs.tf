output "name" {
  description = "The function's name, which is also that of its Cloud Run service."
  value       = google_cloudfunctions2_function.this.name
}
