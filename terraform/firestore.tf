# Three databases, since IAM decides by database who may open what. Indexes and expiries are in firestore.yaml, which
# scripts/check compares with the queries and the expiries in the code.

locals {
  collections = merge([
    for database, collections in yamldecode(file("${path.module}/firestore.yaml")).databases : {
      for collection, given in collections : "${database}/${collection}" => {
        database   = local.database_ids[database]
        collection = collection
        fields     = try(given.fields, {})
        composite  = try(given.composite, [])
        expiry     = try(given.expiry, null)
      }
    }
  ]...)

  # Firestore would index every field of every document on its own. What no query asks for costs writes, and for fields
  # that grow with the time it makes hot spots: https://cloud.google.com/firestore/docs/query-data/index-overview
  single_field_indexes = merge([
    for name, each in local.collections : merge(
      { "${name}/*" = { at = each, field = "*", orders = [], expires = false } },
      {
        for field in distinct(concat(keys(each.fields), each.expiry == null ? [] : [each.expiry])) :
        "${name}/${field}" => {
          at      = each
          field   = field
          orders  = try(each.fields[field], [])
          expires = field == each.expiry
        }
      },
    )
  ]...)

  composite_indexes = merge([
    for name, each in local.collections : {
      for fields in each.composite : "${name}/${join(",", fields)}" => { at = each, fields = [for field in fields : split(" ", field)] }
    }
  ]...)

  orders = { asc = "ASCENDING", desc = "DESCENDING" }
}

resource "google_firestore_database" "this" {
  for_each = local.database_ids

  name                              = each.value
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.this]
}

# Backups hold for their week what people have deleted since; the README says how it is told to them.
resource "google_firestore_backup_schedule" "daily" {
  for_each = local.database_ids

  database  = google_firestore_database.this[each.key].name
  retention = "${7 * 86400}s"

  daily_recurrence {}
}

resource "google_firestore_index" "composite" {
  for_each = local.composite_indexes

  database    = each.value.at.database
  collection  = each.value.at.collection
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = each.value.fields
    iterator = field

    content {
      field_path = field.value[0]
      order      = local.orders[field.value[1]]
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
      for_each = toset(each.value.orders)
      iterator = order

      content {
        order       = local.orders[order.value]
        query_scope = "COLLECTION"
      }
    }
  }

  dynamic "ttl_config" {
    for_each = each.value.expires ? ["expires"] : []

    content {}
  }

  depends_on = [google_firestore_database.this]
}
