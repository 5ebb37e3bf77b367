# Plans of a large and of a small environment, without a cloud: `terraform test`, after `scripts/package`. What they have
# to keep to is checked here as far as it is about one resource; scripts/provisioning checks the rest on the same plans.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }

  mock_resource "google_logging_project_sink" {
    defaults = { writer_identity = "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com" }
  }

  mock_resource "google_monitoring_notification_channel" {
    defaults = { id = "projects/briefly-test/notificationChannels/1" }
  }
}

variables {
  project_id        = "briefly-test"
  environment       = "prod"
  state_bucket      = "briefly-test-terraform"
  gateway_keys      = "{\"keys\": [{\"kty\": \"OKP\", \"kid\": \"1\", \"crv\": \"Ed25519\", \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
  front_end_origins = ["https://app.example"]
  alert_email       = "duty@example.com"

  clerk = {
    issuer = "https://clerk.example"
    keys   = "{\"keys\": [{\"kty\": \"OKP\", \"kid\": \"1\", \"crv\": \"Ed25519\", \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
  }

  oauth = {
    google_client_id    = "1234.apps.googleusercontent.com"
    microsoft_client_id = "00000000-0000-4000-8000-000000000000"
    redirect_urls       = ["https://app.example/api/oauth/callback/google", "https://app.example/api/oauth/callback/microsoft"]
  }

  gateway_federation = {
    issuer   = "https://oidc.host.example/team"
    audience = "https://host.example/team"
    subject  = "owner:team:project:briefly:environment:production"
  }
}

run "large" {
  command = plan

  variables {
    lock_retention = true
    github         = { repository = "owner/briefly" }
    budget         = { billing_account = "000000-000000-000000", monthly_amount = 1000 }
  }

  assert {
    condition     = toset(keys(output.gateway.functions)) == toset([for name, row in local.functions : name if contains(row.callers, "gateway")])
    error_message = "The gateway is told the URL of every function that admits it, and of no other."
  }

  assert {
    condition     = output.gateway.functions["chat"] == "https://chat-123456789012.europe-west1.run.app"
    error_message = "URLs are computed from names."
  }

  assert {
    condition     = alltrue([for key in [google_kms_crypto_key.tokens] : key.rotation_period == "7776000s" && key.destroy_scheduled_duration == "2592000s"])
    error_message = "The vault's key rotates every 90 days and is destroyed after 30 at the earliest."
  }

  assert {
    condition     = alltrue([for database in google_firestore_database.this : database.delete_protection_state == "DELETE_PROTECTION_ENABLED" && database.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"])
    error_message = "Databases are protected from deletion, and can be read as they were."
  }

  assert {
    condition     = toset(keys(google_firestore_backup_schedule.daily)) == toset(["default", "vault", "audit"])
    error_message = "Every database has backups."
  }

  assert {
    condition     = alltrue([for service in google_cloud_run_v2_service.stream : !service.template[0].containers[0].resources[0].cpu_idle])
    error_message = "What streams has its CPU all the time."
  }

  assert {
    condition     = length(google_billing_budget.month) == 1 && length(google_iam_workload_identity_pool.github) == 1
    error_message = "The budget and the workflows' identity are there when they are asked for."
  }
}

run "small" {
  command = plan

  variables {
    environment         = "dev"
    warm                = false
    max_instances       = 5
    deletion_protection = false
  }

  assert {
    condition     = alltrue([for service in google_cloud_run_v2_service.stream : service.template[0].scaling[0].min_instance_count == 0])
    error_message = "Nothing is kept warm where that is not wanted."
  }

  assert {
    condition     = length(google_billing_budget.month) == 0 && length(google_service_account.deployer) == 0 && output.github == null
    error_message = "Without a budget and a repository there is nothing of theirs."
  }
}

run "refuses_private_keys_of_the_gateway" {
  command = plan

  variables {
    gateway_keys = "{\"keys\": [{\"kty\": \"OKP\", \"kid\": \"1\", \"crv\": \"Ed25519\", \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\", \"d\": \"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}]}"
  }

  expect_failures = [var.gateway_keys]
}

run "refuses_a_gateway_that_could_be_anybody" {
  command = plan

  variables {
    gateway_federation = { issuer = "https://oidc.host.example/team", audience = "https://host.example/team", subject = "owner:*" }
  }

  expect_failures = [var.gateway_federation]
}
