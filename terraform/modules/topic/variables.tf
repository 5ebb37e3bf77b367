variable "name" {
  description = "The topic's name in the catalogue."
  type        = string
  nullable    = false
}

variable "project_id" {
  description = "The project."
  type        = string
  nullable    = false
}

variable "pushes" {
  description = "The functions that the topic's messages are pushed to, by name."
  type = map(object({
    url          = string
    ack_deadline = number
  }))
  nullable = false
}

variable "push_invoker" {
  description = "The address of the account whose token pushes carry."
  type        = string
  nullable    = false
}

variable "pubsub_agent" {
  description = "Pub/Sub's own service agent, as a member: it moves what cannot be delivered."
  type        = string
  nullable    = false
}

variable "max_delivery_attempts" {
  description = "How often a message is pushed before it goes to the dead letters."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100
    error_message = "Pub/Sub takes 5 to 100 attempts."
  }
}
