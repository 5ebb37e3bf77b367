# What is in angle brackets has to be put in before the first deployment; terraform refuses it as it stands.
project_id   = "briefly-prod"
environment  = "prod"
state_bucket = "briefly-prod-terraform"

lock_retention = true

gateway_keys = <<-EOT
  <the gateway's public keys, a JSON web key set>
EOT
clerk = {
  issuer = "https://<the instance>.clerk.accounts.dev"
  keys   = <<-EOT
    <what https://<the instance>.clerk.accounts.dev/.well-known/jwks.json answers>
  EOT
}
front_end_origins = ["https://<the front end>"]

oauth = {
  google_client_id    = "<the client>.apps.googleusercontent.com"
  microsoft_client_id = "<the application's id>"
  redirect_urls       = ["https://<the front end>/api/oauth/callback/google", "https://<the front end>/api/oauth/callback/microsoft"]
}

gateway_federation = {
  issuer   = "https://oidc.vercel.com/<the team>"
  audience = "https://vercel.com/<the team>"
  subject  = "owner:<the team>:project:<the project>:environment:production"
}
github = { repository = "<owner>/<repository>" }

alert_email = "<who is on duty>"
budget      = { billing_account = "<XXXXXX-XXXXXX-XXXXXX>", monthly_amount = 1000 }
