# Three databases, since IAM decides by database who may open what. Indexes and expiries are in firestore.yaml, which
# scripts/check compares with the queries and the expiries in the code.

locals {
  collections = merge([
    for database, collections in yamldecode(file("${path.module}/firestore.yaml")).databases : {
      for collection, given in collections : "${database}/${collection}" => {
        database   = local.database_ids[database]
        collection = collection
        expiry     = try(given.expiry, null)
        # By scope: over one collection, or over all of the name.
        fields    = { COLLECTION = try(given.fields, {}), COLLECTION_GROUP = try(given.group_fields, {}) }
        composite = { COLLECTION = try(given.composite, []), COLLECTION_GROUP = try(given.group_composite, []) }
      }
    }
  ]...)

  # Firestore would index every field of every document on its own. What no query asks for costs writes, and for fields
  # that grow with the time it makes hot spots: https://cloud.google.com/firestore/docs/query-data/index-overview
  single_field_indexes = merge([
    for name, each in local.collections : {
      for field in distinct(concat(
        ["*"],
        keys(each.fields.COLLECTION),
        keys(each.fields.COLLECTION_GROUP),
        each.expiry == null ? [] : [each.expiry],
      )) :
      "${name}/${field}" => {
        at      = each
        field   = field
        expires = field == each.expiry
        indexes = flatten([
          for scope, fields in each.fields : [for mode in try(fields[field], []) : { scope = scope, mode = mode }]
        ])
      }
    }
  ]...)

  composite_indexes = merge(flatten([
    for name, each in local.collections : [
      for scope, indexes in each.composite : {
        for fields in indexes : "${name}/${scope}/${join(",", fields)}" => {
          at     = each
          scope  = scope
          fields = [for field in fields : split(" ", field)]
        }
      }
    ]
  ])...)

  backup_days = 7
  # What was changed can be read as it was for seven days, and no less: https://cloud.google.com/firestore/docs/pitr
  recovery_days = 7

  orders = { asc = "ASCENDING", desc = "DESCENDING" }
}

resource "google_firestore_database" "this" {
  for_each = local.database_ids

  name                              = each.value
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.this]
}

# While they are kept, backups hold what people have deleted since (README.md, Rolling back).
resource "google_firestore_backup_schedule" "daily" {
  for_each = local.database_ids

  database  = google_firestore_database.this[each.key].name
  retention = "${local.backup_days * 86400}s"

  daily_recurrence {}
}

resource "google_firestore_index" "composite" {
  for_each = local.composite_indexes

  database    = each.value.at.database
  collection  = each.value.at.collection
  query_scope = each.value.scope

  dynamic "fields" {
    for_each = each.value.fields
    iterator = field

    content {
      field_path   = field.value[0]
      order        = lookup(local.orders, field.value[1], null)
      array_config = field.value[1] == "contains" ? "CONTAINS" : null

      dynamic "vector_config" {
        for_each = field.value[1] == "vector" ? [field.value[2]] : []

        content {
          dimension = tonumber(vector_config.value)
          flat {}
        }
      }
    }
  }

  depends_on = [google_firestore_database.this]
}

resource "google_firestore_field" "this" {
  for_each = local.single_field_indexes

  database   = each.value.at.database
  collection = each.value.at.collection
  field      = each.value.field

  # Empty means none.
  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes
      iterator = index

      content {
        order        = lookup(local.orders, index.value.mode, null)
        array_config = index.value.mode == "contains" ? "CONTAINS" : null
        query_scope  = index.value.scope
      }
    }
  }

  dynamic "ttl_config" {
    for_each = each.value.expires ? ["expires"] : []

    content {}
  }

  depends_on = [google_firestore_database.this]
}
