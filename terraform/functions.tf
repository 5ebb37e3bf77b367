module "function" {
  source   = "./modules/function"
  for_each = { for name, row in local.functions : name => row if !row.asgi }

  name            = each.key
  project_id      = var.project_id
  region          = var.region
  runtime         = local.packages[each.key].runtime
  target          = local.packages[each.key].target
  package         = { bucket = google_storage_bucket.packages.name, object = google_storage_bucket_object.package[each.key].name }
  builder         = google_service_account.builder.id
  repository      = google_artifact_registry_repository.functions.id
  service_account = local.accounts[each.key]
  timeout         = each.value.timeout
  memory          = each.value.memory
  cpu             = each.value.cpu
  concurrency     = each.value.concurrency
  min_instances   = each.value.min_instances
  max_instances   = each.value.max_instances
  environment     = local.environments[each.key]
  secrets         = each.value.secrets
  secrets_dir     = local.secrets_dir

  # A deployment checks that its account may read its secrets, and the build that it may read its source.
  depends_on = [
    google_artifact_registry_repository_iam_member.builder,
    google_project_iam_member.builder_logs,
    google_project_iam_member.builder_sources,
    google_secret_manager_secret_iam_member.reader,
  ]
}
