data "google_project" "this" {
  project_id = var.project_id
}

locals {
  catalog  = yamldecode(file("${path.module}/../functions/catalog.yaml"))
  packages = jsondecode(file("${var.packages_dir}/packages.json"))

  project_number = data.google_project.this.number

  # A row with everything that it may leave out, as scripts/local/catalog.py has it.
  functions = {
    for name, row in local.catalog.functions : name => {
      asgi          = try(row.asgi, false)
      trigger       = row.trigger
      topic         = try(row.topic, null)
      public        = try(row.public, false)
      callers       = try(row.callers, [])
      speaks_for    = try(row.speaks_for, [])
      timeout       = try(row.timeout, 60)
      memory        = try(row.memory, "512Mi")
      cpu           = try(row.cpu, 1)
      concurrency   = try(row.concurrency, 1)
      min_instances = var.warm ? try(row.min_instances, 0) : 0
      max_instances = try(row.max_instances, var.max_instances)
      secrets       = try(row.secrets, [])
      settings      = try(row.settings, [])
      publishes     = try(row.publishes, [])
      queues        = try(row.queues, [])
      buckets       = try(row.buckets, [])
      databases     = try(row.databases, [])
      kms           = try(row.kms, false)
      signs         = try(row.signs, false)
      verifies      = try(row.verifies, false)
      reads         = try(row.reads, [])
    }
  }
  streams = { for name, row in local.functions : name => row if row.asgi }
  topics  = toset(try(local.catalog.topics, []))
  sinks   = try(local.catalog.sinks, {})
  queues  = try(local.catalog.queues, {})
  buckets = try(local.catalog.buckets, {})
  secrets = toset(try(local.catalog.secrets, []))

  schedules = try(local.catalog.schedules, {})

  # Computed, not read from the services, which know of each other: https://cloud.google.com/run/docs/triggering/https-request#deterministic
  url_template = "https://{name}-${local.project_number}.${var.region}.run.app"
  urls         = { for name, row in local.functions : name => replace(local.url_template, "{name}", name) }
}
