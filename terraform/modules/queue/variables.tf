variable "name" {
  description = "The queue's name in the catalogue."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Where the queue is."
  type        = string
  nullable    = false
}

variable "rate_per_second" {
  description = "The most tasks that begin in a second."
  type        = number
  nullable    = false

  validation {
    condition     = var.rate_per_second > 0 && var.rate_per_second <= 500
    error_message = "A queue dispatches at most 500 tasks a second (https://cloud.google.com/tasks/docs/quotas)."
  }
}

variable "concurrent" {
  description = "The most tasks at once."
  type        = number
  nullable    = false

  validation {
    condition     = var.concurrent > 0 && var.concurrent <= 5000
    error_message = "A queue runs at most 5000 tasks at once (https://cloud.google.com/tasks/docs/quotas)."
  }
}

variable "max_attempts" {
  description = "How often a task is tried. There is no dead letter: what fails at the last attempt is gone, and only counted (monitoring.tf)."
  type        = number
  nullable    = false

  validation {
    condition     = var.max_attempts > 0
    error_message = "Every queue has a limit of attempts: without one a poisoned task comes back for ever."
  }
}

variable "min_backoff" {
  description = "The first pause, in seconds."
  type        = number
  nullable    = false
}

variable "max_backoff" {
  description = "The longest pause, in seconds."
  type        = number
  nullable    = false
}

variable "max_doublings" {
  description = "How often the pause doubles before it grows evenly."
  type        = number
  nullable    = false
}
