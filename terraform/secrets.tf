# Containers only: values are added by hand (README.md says how), so that none is in terraform's state.

resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  secret_id = each.key
  # A version that was destroyed by mistake can be had back for a week.
  version_destroy_ttl = "${7 * 86400}s"

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}
