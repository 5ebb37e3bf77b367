# In order: where, what is deployed, whom it trusts, what it is connected to, how it is watched.

variable "project_id" {
  description = "The Google Cloud project, which holds one environment and nothing else."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "environment" {
  description = "Which of the environments this is."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "The environment is dev, staging or prod."
  }
}

variable "region" {
  description = "Where functions, queues, keys and buckets are."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written as europe-west1."
  }
}

variable "firestore_location" {
  description = "Where the three databases are; null for the region. eur3 and nam5 span several regions. It cannot be changed later."
  type        = string
  default     = null
}

variable "state_bucket" {
  description = "The bucket that holds terraform's state, made by hand before the first apply."
  type        = string
  nullable    = false
}

variable "packages_dir" {
  description = "The folder that scripts/package wrote: a zip per function, and packages.json, which names them."
  type        = string
  default     = "../build"
  nullable    = false
}

variable "rebuilt" {
  description = "When what streams was last built anew for security fixes of its runtime, for example 2026-01; another value builds it again."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]{0,40}$", var.rebuilt))
    error_message = "This becomes a part of the image's tag: lower-case letters, digits, dots and hyphens."
  }
}

variable "max_instances" {
  description = "The most instances of a function whose row in the catalogue says nothing else."
  type        = number
  default     = 100
  nullable    = false
}

variable "warm" {
  description = "Whether functions keep the instances warm that their rows ask for."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether databases are protected from being deleted, and buckets with objects too."
  type        = bool
  default     = true
  nullable    = false
}

variable "lock_retention" {
  description = "Whether the retention of buckets that have one is locked, which nobody can undo."
  type        = bool
  default     = false
  nullable    = false
}

variable "gateway_keys" {
  description = "The public keys of the gateway, which signs the service tokens: a JSON web key set."
  type        = string
  nullable    = false

  validation {
    condition     = try(length(jsondecode(var.gateway_keys).keys) > 0, false)
    error_message = "A JSON web key set is {\"keys\": [...]} with at least one key."
  }

  validation {
    condition     = try(alltrue([for key in jsondecode(var.gateway_keys).keys : !can(key.d)]), false)
    error_message = "This key set holds a private key: functions get the public halves only."
  }
}

variable "clerk" {
  description = "The Clerk instance: its issuer and its public keys (a JSON web key set)."
  type = object({
    issuer = string
    keys   = string
  })
  nullable = false

  validation {
    condition     = startswith(var.clerk.issuer, "https://") && !endswith(var.clerk.issuer, "/")
    error_message = "The issuer is an https address without a slash at its end."
  }

  validation {
    condition     = try(length(jsondecode(var.clerk.keys).keys) > 0, false)
    error_message = "A JSON web key set is {\"keys\": [...]} with at least one key."
  }
}

variable "front_end_origins" {
  description = "The origins at which the front end runs: sessions are made for them, and browsers upload from them."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.front_end_origins) > 0 && alltrue([for origin in var.front_end_origins : can(regex("^https?://[^/]+$", origin))])
    error_message = "An origin is a scheme and a host, without a path; there is at least one."
  }
}

variable "oauth" {
  description = "The OAuth clients at Google and Microsoft, by which people connect their accounts, and where they come back to."
  type = object({
    google_client_id    = string
    microsoft_client_id = string
    microsoft_authority = optional(string, "https://login.microsoftonline.com/common")
    redirect_urls       = list(string)
  })
  nullable = false

  validation {
    condition     = length(var.oauth.redirect_urls) > 0 && alltrue([for url in var.oauth.redirect_urls : can(regex("^https?://", url))])
    error_message = "There is at least one redirect URL, and each is an http address."
  }
}

variable "settings" {
  description = "Further settings of functions, by the names in their rows of the catalogue; they win over those made here."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "gateway_federation" {
  description = "How the host of the gateway proves itself: its OIDC issuer, the audience of its tokens, and the one subject that is the gateway."
  type = object({
    issuer   = string
    audience = string
    subject  = string
  })
  nullable = false

  validation {
    condition     = startswith(var.gateway_federation.issuer, "https://")
    error_message = "The issuer is an https address."
  }

  validation {
    condition     = can(regex("^[^'\"*]{1,127}$", var.gateway_federation.subject))
    error_message = "The subject is one subject, of at most 127 characters, without quotes or wildcards."
  }
}

variable "github" {
  description = "The GitHub repository whose workflows plan and apply, and the branch that applies; null where none does."
  type = object({
    repository = string
    branch     = optional(string, "main")
  })
  default = null

  validation {
    condition     = var.github == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github.repository))
    error_message = "The repository is written as owner/name."
  }
}

variable "alert_email" {
  description = "Who is told of alerts."
  type        = string
  nullable    = false
}

variable "alert_thresholds" {
  description = "When an alert goes off: a share of requests, milliseconds, seconds, failed attempts in five minutes."
  type = object({
    error_share       = optional(number, 0.02)
    p95_milliseconds  = optional(number, 2000)
    queue_age_seconds = optional(number, 300)
    push_age_seconds  = optional(number, 600)
    task_failures     = optional(number, 20)
  })
  default  = {}
  nullable = false
}

variable "budget" {
  description = "The billing account that pays, and what a month may cost before somebody is told, in the account's currency; null where the account belongs to others."
  type = object({
    billing_account = string
    monthly_amount  = number
  })
  default = null
}
