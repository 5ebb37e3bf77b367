module "queue" {
  source   = "./modules/queue"
  for_each = local.queues

  name            = each.key
  region          = var.region
  rate_per_second = try(each.value.rate_per_second, 500)
  concurrent      = try(each.value.concurrent, 1000)
  max_attempts    = try(each.value.max_attempts, 100)
  min_backoff     = try(each.value.min_backoff, 0.1)
  max_backoff     = try(each.value.max_backoff, 3600)
  max_doublings   = try(each.value.max_doublings, 16)

  depends_on = [google_project_service.this]
}
