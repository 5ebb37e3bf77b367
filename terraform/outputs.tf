output "gateway" {
  description = "What the gateway has to know: whom to call and where, and how to prove who it is."
  value = {
    project_id      = var.project_id
    project_number  = local.project_number
    region          = var.region
    service_account = local.accounts["gateway"]
    # The audience of the host's own token, and the provider that exchanges it at https://sts.googleapis.com.
    federation_audience = var.gateway_federation.audience
    federation_provider = join("/", [
      "//iam.googleapis.com/projects/${local.project_number}/locations/global/workloadIdentityPools",
      google_iam_workload_identity_pool.gateway.workload_identity_pool_id,
      "providers",
      google_iam_workload_identity_pool_provider.gateway.workload_identity_pool_provider_id,
    ])
    # A function's URL is also the audience of the identity tokens that admit to it.
    functions = { for name, row in local.functions : name => local.urls[name] if contains(row.callers, "gateway") }
  }
}

output "public_urls" {
  description = "The functions that admit everybody: where Clerk and the providers send their webhooks."
  value       = { for name, row in local.functions : name => local.urls[name] if row.public }
}

output "url_template" {
  description = "Where every function is; scripts/call takes it as --url."
  value       = local.url_template
}

output "secrets" {
  description = "The secrets that need a version before the functions can be deployed."
  value       = sort(local.secrets)
}

output "recovery_subscriptions" {
  description = "Where the dead letters of each topic wait."
  value       = { for name, topic in module.topic : name => topic.recovery }
}

output "github" {
  description = "What the workflows need to prove who they are; null where none deploys."
  value = var.github == null ? null : {
    workload_identity_provider = "projects/${local.project_number}/locations/global/workloadIdentityPools/github/providers/${google_iam_workload_identity_pool_provider.github[0].workload_identity_pool_provider_id}"
    service_accounts           = { for name, member in local.deployer_members : name => trimprefix(member, "serviceAccount:") }
  }
}
