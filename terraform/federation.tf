# Who comes from outside, by tokens of their own hosts and without any key: the gateway, and the workflows that deploy.

# The gateway

resource "google_iam_workload_identity_pool" "gateway" {
  workload_identity_pool_id = "gateway"
  display_name              = "Gateway"
  description               = "The host of the front end"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "gateway" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.gateway.workload_identity_pool_id
  workload_identity_pool_provider_id = "host"
  display_name                       = "Host of the gateway"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  # A host's issuer speaks for all of its customers: only the one subject is ours.
  attribute_condition = "assertion.sub == '${var.gateway_federation.subject}'"

  oidc {
    issuer_uri        = var.gateway_federation.issuer
    allowed_audiences = [var.gateway_federation.audience]
  }
}

locals {
  pools = "principal://iam.googleapis.com/projects/${local.project_number}/locations/global/workloadIdentityPools"
}

resource "google_service_account_iam_member" "gateway" {
  service_account_id = local.account_ids["gateway"]
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.pools}/${google_iam_workload_identity_pool.gateway.workload_identity_pool_id}/subject/${var.gateway_federation.subject}"
}

# GitHub Actions: what runs on the branch may apply, what runs on a pull request may only look

locals {
  deployers = var.github == null ? {} : {
    deployer = { subject = "repo:${var.github.repository}:ref:refs/heads/${var.github.branch}", title = "Applies this configuration" }
    planner  = { subject = "repo:${var.github.repository}:pull_request", title = "Plans this configuration" }
  }
  deployer_roles = toset([
    "roles/artifactregistry.admin",
    "roles/cloudbuild.builds.editor",
    "roles/cloudfunctions.admin",
    "roles/cloudkms.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudtasks.queueAdmin",
    "roles/datastore.indexAdmin",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/logging.configWriter",
    "roles/monitoring.alertPolicyEditor",
    "roles/monitoring.dashboardEditor",
    "roles/monitoring.notificationChannelEditor",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/serviceusage.serviceUsageAdmin",
  ])
  planner_roles = toset([
    "roles/artifactregistry.reader",
    "roles/cloudfunctions.viewer",
    "roles/cloudkms.viewer",
    "roles/cloudscheduler.viewer",
    "roles/cloudtasks.viewer",
    "roles/iam.roleViewer",
    "roles/iam.securityReviewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/monitoring.viewer",
    "roles/pubsub.viewer",
    "roles/run.viewer",
    "roles/serviceusage.serviceUsageViewer",
  ])
  # What the predefined roles give only together with the documents, the secrets and the objects themselves.
  planner_permissions = [
    "datastore.backupSchedules.get",
    "datastore.backupSchedules.list",
    "datastore.databases.getMetadata",
    "datastore.databases.list",
    "datastore.operations.get",
    "datastore.schemas.get",
    "datastore.schemas.list",
    "logging.logMetrics.get",
    "logging.sinks.get",
    "resourcemanager.projects.get",
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.list",
    "serviceusage.services.use",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.list",
  ]
  deployer_permissions = concat(local.planner_permissions, [
    "datastore.backupSchedules.create",
    "datastore.backupSchedules.delete",
    "datastore.backupSchedules.update",
    "datastore.databases.create",
    "datastore.databases.delete",
    "datastore.databases.update",
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.setIamPolicy",
    "secretmanager.secrets.update",
    "storage.buckets.create",
    "storage.buckets.delete",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
  ])
}

resource "google_iam_workload_identity_pool" "github" {
  count = var.github == null ? 0 : 1

  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = var.github == null ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "actions"
  display_name                       = "GitHub Actions"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  # A workflow's token says in its subject what it runs on, unless the job names a GitHub environment.
  attribute_condition = join(" || ", [for deployer in local.deployers : "assertion.sub == '${deployer.subject}'"])

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "deployer" {
  for_each = local.deployers

  account_id   = each.key
  display_name = each.value.title

  depends_on = [google_project_service.this]
}

locals {
  deployer_members = { for name, account in google_service_account.deployer : name => "serviceAccount:${account.account_id}@${var.project_id}.iam.gserviceaccount.com" }
}

resource "google_service_account_iam_member" "deployer" {
  for_each = local.deployers

  service_account_id = "projects/${var.project_id}/serviceAccounts/${trimprefix(local.deployer_members[each.key], "serviceAccount:")}"
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.pools}/${google_iam_workload_identity_pool.github[0].workload_identity_pool_id}/subject/${each.value.subject}"
}

resource "google_project_iam_custom_role" "deployer" {
  for_each = local.deployers

  role_id     = "${each.key}Resources"
  title       = "${each.value.title}: databases, secrets and buckets, not what is in them"
  permissions = each.key == "deployer" ? local.deployer_permissions : local.planner_permissions

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "deployer" {
  for_each = merge([
    for name in keys(local.deployers) : {
      for role in setunion(
        name == "deployer" ? local.deployer_roles : local.planner_roles,
        ["${local.custom_role}/${google_project_iam_custom_role.deployer[name].role_id}"],
      ) : "${name}/${basename(role)}" => { member = local.deployer_members[name], role = role }
    }
  ]...)

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}

# Whoever deploys a function has it run as its account, pushes with the invoker's token, and builds as the builder.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = var.github == null ? {} : merge(local.account_ids, { builder = "projects/${var.project_id}/serviceAccounts/${trimprefix(local.builder, "serviceAccount:")}" })

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer_members["deployer"]
}

resource "google_storage_bucket_iam_member" "deployer_packages" {
  for_each = local.deployers

  bucket = google_storage_bucket.packages.name
  role   = each.key == "deployer" ? "roles/storage.objectUser" : "roles/storage.objectViewer"
  member = local.deployer_members[each.key]
}

resource "google_storage_bucket_iam_member" "deployer_state" {
  for_each = local.deployers

  bucket = var.state_bucket
  role   = each.key == "deployer" ? "roles/storage.objectUser" : "roles/storage.objectViewer"
  member = local.deployer_members[each.key]
}
