variable "name" {
  description = "The function's name in the cloud and in the catalogue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "A function's name has lower-case letters, digits and hyphens."
  }
}

variable "project_id" {
  description = "The project."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Where the function runs."
  type        = string
  nullable    = false
}

variable "runtime" {
  description = "The language and its version, as Cloud Functions names it."
  type        = string
  nullable    = false
}

variable "target" {
  description = "What functions-framework serves in main.py."
  type        = string
  nullable    = false
}

variable "package" {
  description = "The zip of the function's source. Another content has another name."
  type = object({
    bucket = string
    object = string
  })
  nullable = false
}

variable "builder" {
  description = "The id of the service account that builds the image."
  type        = string
  nullable    = false
}

variable "repository" {
  description = "The id of the repository that keeps the image."
  type        = string
  nullable    = false
}

variable "service_account" {
  description = "The address of the account that the function runs as."
  type        = string
  nullable    = false
}

variable "timeout" {
  description = "The longest that a request may take, in seconds."
  type        = number
  nullable    = false
}

variable "memory" {
  description = "Memory of an instance, in Kubernetes' units."
  type        = string
  nullable    = false
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = number
  nullable    = false
}

variable "concurrency" {
  description = "Requests at once per instance."
  type        = number
  nullable    = false

  validation {
    condition     = var.concurrency == 1 || var.cpu >= 1
    error_message = "More than one request at once takes a whole CPU."
  }
}

variable "min_instances" {
  description = "Instances that are kept warm."
  type        = number
  nullable    = false
}

variable "max_instances" {
  description = "The most instances."
  type        = number
  nullable    = false
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  nullable    = false
}

variable "secrets" {
  description = "Secrets that are mounted, each in a folder of its own, as the file `value`."
  type        = list(string)
  nullable    = false
}

variable "secrets_dir" {
  description = "The folder under which they are mounted."
  type        = string
  nullable    = false
}
