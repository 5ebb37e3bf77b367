# Who may do what: an account per function, with what its row names, and nothing for anybody else.

locals {
  # Those that are not functions: the front end's server, and whose tokens tasks and pushes carry.
  callers = {
    gateway       = "The front end's server, which calls functions for people"
    tasks-invoker = "Whose token the tasks carry"
    push-invoker  = "Whose token the pushes of Pub/Sub carry"
  }
}

resource "google_service_account" "function" {
  for_each = local.functions

  # An id has at least six characters, which some functions' names have not.
  account_id   = "function-${each.key}"
  display_name = "The function ${each.key}"

  depends_on = [google_project_service.this]
}

resource "google_service_account" "caller" {
  for_each = local.callers

  account_id   = each.key
  display_name = each.value

  depends_on = [google_project_service.this]
}

locals {
  # Addresses by short name. They are spelled out, so that a plan can show them before the accounts are there.
  accounts = {
    for name, account in merge(google_service_account.function, google_service_account.caller) :
    name => "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
  }
  account_ids = { for name, address in local.accounts : name => "projects/${var.project_id}/serviceAccounts/${address}" }
  members     = { for name, address in local.accounts : name => "serviceAccount:${address}" }

  grants = {
    for kind in ["publishes", "queues", "secrets", "buckets", "reads", "databases"] : kind => {
      for grant in flatten([
        for name, row in local.functions : [for resource in row[kind] : { function = name, resource = resource }]
      ]) : "${grant.function}/${grant.resource}" => grant
    }
  }
}

# Who may call whom

locals {
  services_by_name = merge(
    { for name, function in module.function : name => function.name },
    { for name, service in google_cloud_run_v2_service.stream : name => service.name },
  )
  invocations = merge([
    for name, row in local.functions : merge(
      { for caller in row.callers : "${name}/${caller}" => { function = name, member = local.members[caller] } },
      row.public ? { "${name}/allUsers" = { function = name, member = "allUsers" } } : {},
    )
  ]...)
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = local.invocations

  name     = local.services_by_name[each.value.function]
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value.member
}

# Events and tasks

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.grants.publishes

  topic  = module.topic[each.value.resource].name
  role   = "roles/pubsub.publisher"
  member = local.members[each.value.function]
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  for_each = local.grants.queues

  name     = module.queue[each.value.resource].name
  location = var.region
  role     = "roles/cloudtasks.enqueuer"
  member   = local.members[each.value.function]
}

# Who enqueues has a task carry the invoker's token: https://cloud.google.com/tasks/docs/creating-http-target-tasks
resource "google_service_account_iam_member" "enqueuer" {
  for_each = { for name, row in local.functions : name => row if length(row.queues) > 0 }

  service_account_id = local.account_ids["tasks-invoker"]
  role               = "roles/iam.serviceAccountUser"
  member             = local.members[each.key]
}

# https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = local.account_ids["push-invoker"]
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

# Secrets and keys

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.grants.secrets

  secret_id = google_secret_manager_secret.this[each.value.resource].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members[each.value.function]
}

resource "google_kms_crypto_key_iam_member" "vault" {
  for_each = { for name, row in local.functions : name => row if row.kms }

  crypto_key_id = local.vault_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = local.members[each.key]

  depends_on = [google_kms_crypto_key.tokens]
}

# Its versions are changed by the vault's own door (lib/core/key_versions.py), by what that takes: the predefined roles would
# also let it restore what is to be destroyed. To choose the primary version takes the right to update the key, which Cloud
# KMS gives only together with that to change its labels and when it rotates by itself:
# https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/updatePrimaryVersion
resource "google_kms_crypto_key_iam_member" "vault_versions" {
  for_each = { for name, row in local.functions : name => row if row.kms }

  crypto_key_id = local.vault_key
  role          = "${local.custom_role}/${google_project_iam_custom_role.key_renewer.role_id}"
  member        = local.members[each.key]

  depends_on = [google_kms_crypto_key.tokens]
}

resource "google_project_iam_custom_role" "key_renewer" {
  role_id     = "keyRenewer"
  title       = "Key renewer"
  description = "Makes versions of a key, has it encrypt with them, and orders the destruction of versions"
  permissions = [
    "cloudkms.cryptoKeyVersions.create",
    "cloudkms.cryptoKeyVersions.destroy",
    "cloudkms.cryptoKeyVersions.list",
    "cloudkms.cryptoKeys.update",
  ]

  depends_on = [google_project_service.this]
}

# To sign, and to have the public half.
resource "google_kms_crypto_key_iam_member" "attestations" {
  for_each = { for name, row in local.functions : name => row if row.signs }

  crypto_key_id = local.attestation_key
  role          = "roles/cloudkms.signerVerifier"
  member        = local.members[each.key]

  depends_on = [google_kms_crypto_key.attestations]
}

resource "google_kms_crypto_key_iam_member" "public_keys" {
  for_each = { for name, row in local.functions : name => row if row.verifies }

  crypto_key_id = local.attestation_key
  role          = "roles/cloudkms.publicKeyViewer"
  member        = local.members[each.key]

  depends_on = [google_kms_crypto_key.attestations]
}

# Databases: one by one, since a role on the project would open all three.
# https://cloud.google.com/firestore/docs/manage-databases#iam

locals {
  custom_role  = "projects/${var.project_id}/roles"
  audit_writer = "${local.custom_role}/${google_project_iam_custom_role.audit_writer.role_id}"
  audit_sealer = "${local.custom_role}/${google_project_iam_custom_role.audit_sealer.role_id}"
  url_signer   = "${local.custom_role}/${google_project_iam_custom_role.url_signer.role_id}"
  database_ids = { default = "(default)", vault = "vault", audit = "audit" }

  # What rows call a database by what the function may do there.
  opened = merge(local.database_ids, { audit-reader = "audit", audit-sealer = "audit" })
  database_roles = {
    default      = "roles/datastore.user"
    vault        = "roles/datastore.user"
    audit        = local.audit_writer
    audit-reader = "roles/datastore.viewer"
    audit-sealer = local.audit_sealer
  }
}

resource "google_project_iam_custom_role" "audit_writer" {
  role_id     = "auditWriter"
  title       = "Audit writer"
  description = "Creates documents in Firestore, and neither reads nor changes nor deletes any"
  permissions = ["datastore.entities.create"]

  depends_on = [google_project_service.this]
}

# Firestore grants whole databases, not collections: the sealer could also create entries, and delete those and seals,
# which the heads in the locked bucket, the chain of seals and people's own copies then show. It cannot change a document.
resource "google_project_iam_custom_role" "audit_sealer" {
  role_id     = "auditSealer"
  title       = "Audit sealer"
  description = "Reads, creates and deletes documents in Firestore, and changes none"
  permissions = [
    "datastore.entities.create",
    "datastore.entities.delete",
    "datastore.entities.get",
    "datastore.entities.list",
  ]

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "database" {
  for_each = local.grants.databases

  project = var.project_id
  role    = local.database_roles[each.value.resource]
  member  = local.members[each.value.function]

  condition {
    title      = "The database ${each.value.resource} only"
    expression = "resource.type == 'firestore.googleapis.com/Database' && resource.name == 'projects/${var.project_id}/databases/${local.opened[each.value.resource]}'"
  }

  depends_on = [google_firestore_database.this]
}

# Files

resource "google_storage_bucket_iam_member" "objects" {
  for_each = local.grants.buckets

  bucket = google_storage_bucket.this[each.value.resource].name
  role   = "roles/storage.objectUser"
  member = local.members[each.value.function]
}

resource "google_storage_bucket_iam_member" "readers" {
  for_each = local.grants.reads

  bucket = google_storage_bucket.this[each.value.resource].name
  role   = "roles/storage.objectViewer"
  member = local.members[each.value.function]
}

# URLs are signed by the IAM Credentials API, in the function's own name.
resource "google_service_account_iam_member" "signer" {
  for_each = { for name, row in local.functions : name => row if length(row.buckets) > 0 }

  service_account_id = local.account_ids[each.key]
  role               = local.url_signer
  member             = local.members[each.key]
}

resource "google_project_iam_custom_role" "url_signer" {
  role_id     = "urlSigner"
  title       = "URL signer"
  description = "Signs as the account that it is granted on, and makes no tokens of it"
  permissions = ["iam.serviceAccounts.signBlob"]

  depends_on = [google_project_service.this]
}
