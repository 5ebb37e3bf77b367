# The key that wraps the keysets of people. Whoever destroys it destroys every token that was ever sealed, so terraform
# does not, and Cloud KMS waits for thirty days when somebody else orders it.

locals {
  key_ring  = "vault"
  key       = "tokens"
  vault_key = "projects/${var.project_id}/locations/${var.region}/keyRings/${local.key_ring}/cryptoKeys/${local.key}"

  attestation_key = "projects/${var.project_id}/locations/${var.region}/keyRings/${local.key_ring}/cryptoKeys/attestations"
}

resource "google_kms_key_ring" "vault" {
  name     = local.key_ring
  location = var.region

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "tokens" {
  name                       = local.key
  key_ring                   = google_kms_key_ring.vault.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "7776000s" # 90 days
  destroy_scheduled_duration = "2592000s" # 30 days

  lifecycle {
    prevent_destroy = true
  }
}

# What is attested is signed with this: RSA with PKCS #1 padding, since to check that takes no library. Signing keys have
# no primary version; a new one is named in settings.tf, and the older ones stay for what they have signed.
resource "google_kms_crypto_key" "attestations" {
  name                       = "attestations"
  key_ring                   = google_kms_key_ring.vault.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s" # 30 days

  version_template {
    algorithm        = "RSA_SIGN_PKCS1_3072_SHA256"
    protection_level = "SOFTWARE"
  }

  lifecycle {
    prevent_destroy = true
  }
}
