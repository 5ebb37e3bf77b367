# The environment of every function: what all have, and the settings that its row names. A setting of the row that is not
# here keeps the default that the code has for it; one without a default keeps the function from starting, and says so.

locals {
  settings = merge(
    {
      ATTESTATION_KEY          = "${local.attestation_key}/cryptoKeyVersions/1"
      BACKUPS_KEPT             = "P${max(local.backup_days, local.recovery_days, local.soft_delete_days)}D"
      CLERK_API_URL            = "https://api.clerk.com/v1"
      CLERK_ISSUER             = var.clerk.issuer
      CLERK_KEYS               = var.clerk.keys
      CLERK_PARTIES            = jsonencode(var.front_end_origins)
      GATEWAY_KEYS             = var.gateway_keys
      GOOGLE_API_ENDPOINT      = "https://www.googleapis.com"
      GOOGLE_AUTHORIZE_URL     = "https://accounts.google.com/o/oauth2/v2/auth"
      GOOGLE_ISSUER            = "https://accounts.google.com"
      GOOGLE_OAUTH_CLIENT_ID   = var.oauth.google_client_id
      GOOGLE_REVOKE_URL        = "https://oauth2.googleapis.com/revoke"
      GOOGLE_TOKEN_URL         = "https://oauth2.googleapis.com/token"
      MICROSOFT_AUTHORITY      = var.oauth.microsoft_authority
      MICROSOFT_CLIENT_ID      = var.oauth.microsoft_client_id
      MICROSOFT_GRAPH_ENDPOINT = "https://graph.microsoft.com"
      OAUTH_REDIRECT_URLS      = jsonencode(var.oauth.redirect_urls)
      TASKS_INVOKER            = local.accounts["tasks-invoker"]
      TASKS_LOCATION           = var.region
      VAULT_KEY                = local.vault_key
    },
    var.settings,
  )

  secrets_dir = "/secrets"

  environments = {
    for name, row in local.functions : name => merge(
      {
        GOOGLE_CLOUD_PROJECT = var.project_id
        FUNCTION_URL         = local.url_template
        CALLERS              = jsonencode([for caller in row.speaks_for : local.accounts[caller]])
        SECRETS_DIR          = local.secrets_dir
        # functions-framework would serve four requests at once per CPU, whatever Cloud Run sends.
        THREADS = tostring(row.concurrency)
      },
      # Found out by the framework itself too, but only after it has made an application of the other kind.
      row.asgi ? { FUNCTION_USE_ASGI = "true" } : {},
      { for setting in row.settings : setting => local.settings[setting] if contains(keys(local.settings), setting) },
    )
  }
}
