# What is counted beside Google's own metrics, who is told when, and one page to look at. Each alert says what to do.

resource "google_monitoring_notification_channel" "email" {
  display_name = "Whoever is on duty"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.this]
}

# Counted from the line that ends every request (lib/core/request_log.py)

locals {
  request_lines = "resource.type=\"cloud_run_revision\" AND jsonPayload.event=(\"api_call\" OR \"request\")"
  request_labels = {
    function = "EXTRACT(jsonPayload.function)"
    route    = "EXTRACT(jsonPayload.route)"
  }
  # Cloud Run's own line of a request is an error from 500 on: without it, since what a provider's fault makes of a request,
  # 502 to 504, is not the vault's.
  vault_failures = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=(${join(" OR ", [for name, row in local.functions : "\"${name}\"" if row.kms])})",
    "((severity>=ERROR AND NOT log_id(\"run.googleapis.com/requests\")) OR jsonPayload.status=500 OR httpRequest.status=500)",
  ])
  log_metrics = {
    requests = {
      description = "Requests, by function, route and status"
      filter      = local.request_lines
      labels      = merge(local.request_labels, { status = "EXTRACT(jsonPayload.status)" })
      value       = null
    }
    failed-requests = {
      description = "Requests that were answered with 500 and above, by function and route"
      filter      = "${local.request_lines} AND jsonPayload.status>=500"
      labels      = local.request_labels
      value       = null
    }
    request-duration = {
      description = "How long requests take, in milliseconds, by function and route"
      filter      = local.request_lines
      labels      = local.request_labels
      value       = "EXTRACT(jsonPayload.duration_ms)"
    }
    vault-failures = {
      description = "What went wrong where keys and tokens are opened"
      filter      = local.vault_failures
      labels      = { function = "EXTRACT(resource.labels.service_name)" }
      value       = null
    }
  }
  metric = { for name, metric in google_logging_metric.this : name => "logging.googleapis.com/user/${metric.name}" }
}

resource "google_logging_metric" "this" {
  for_each = local.log_metrics

  name             = "briefly/${each.key}"
  description      = each.value.description
  filter           = each.value.filter
  label_extractors = each.value.labels
  value_extractor  = each.value.value

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit         = each.value.value == null ? "1" : "ms"
    display_name = each.value.description

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  dynamic "bucket_options" {
    for_each = each.value.value == null ? [] : ["durations"]

    content {
      # 1 ms to 100 s, finely enough for a percentile to be within a fifth.
      exponential_buckets {
        scale              = 1
        growth_factor      = 1.2
        num_finite_buckets = 64
      }
    }
  }

  depends_on = [google_project_service.this]
}

# Alerts stand on Google's own metrics and on log lines, never on a metric that is made beside them: a new one is unknown
# for up to ten minutes (https://github.com/hashicorp/terraform-provider-google/issues/11102). Cloud Run counts also what
# no line of ours tells of: instances that do not start, run out of memory or time, or are not to be had.

locals {
  # A stream lasts for as long as its answer.
  prompt_functions = join(",", [for name, row in local.functions : "\"${name}\"" if !row.asgi])
  pushed_functions = join(",", [for name, row in local.functions : "\"${name}\"" if row.topic != null])
  run_requests     = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_count\""

  alerts = {
    error-share = {
      title    = "Too many requests fail"
      severity = "ERROR"
      what     = "More than ${var.alert_thresholds.error_share * 100} % of a function's requests end in 500 and above. Its log lines with severity ERROR name the exception, or say that an instance did not start or had too little memory; if it began with a deployment, roll back (terraform/README.md). If it is 502 to 504 of the vault, a provider fails to renew tokens."
      conditions = [{
        title     = "Share of 5xx by function"
        filter    = "${local.run_requests} AND metric.labels.response_code_class=\"5xx\""
        per       = local.run_requests
        aligner   = "ALIGN_RATE"
        reducer   = "REDUCE_SUM"
        group_by  = ["resource.label.service_name"]
        threshold = var.alert_thresholds.error_share
        duration  = 300
      }]
    }
    latency = {
      title    = "Requests take long"
      severity = "WARNING"
      what     = "A function takes more than ${var.alert_thresholds.p95_milliseconds} ms for one request in twenty. Look at the dashboard which route it is, and whether a provider, Firestore, or new instances are slow."
      conditions = [{
        title  = "95th percentile by function"
        filter = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_latencies\" AND resource.labels.service_name=one_of(${local.prompt_functions})"
        per    = null
        # The percentile of all revisions and statuses together.
        aligner   = "ALIGN_DELTA"
        reducer   = "REDUCE_PERCENTILE_95"
        group_by  = ["resource.label.service_name"]
        threshold = var.alert_thresholds.p95_milliseconds
        duration  = 600
      }]
    }
    dead-letters = {
      title    = "Messages could not be delivered"
      severity = "ERROR"
      what     = "A function refused a message at every attempt. The message waits in the recovery subscription for 31 days: read it, mend the function, and publish it to its topic again (terraform/README.md)."
      conditions = [{
        title     = "Messages in a recovery subscription"
        filter    = "resource.type=\"pubsub_subscription\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.labels.subscription_id=one_of(${join(",", [for topic in module.topic : "\"${topic.recovery}\""])})"
        per       = null
        aligner   = "ALIGN_MAX"
        reducer   = "REDUCE_MAX"
        group_by  = ["resource.label.subscription_id"]
        threshold = 0
        duration  = 0
      }]
    }
    push-age = {
      title    = "Messages wait for their function"
      severity = "ERROR"
      what     = "The oldest message that a function has not taken is more than ${var.alert_thresholds.push_age_seconds} s old: the function fails, or gets more than its instances can do."
      conditions = [{
        title     = "Oldest message by subscription"
        filter    = "resource.type=\"pubsub_subscription\" AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.labels.subscription_id=one_of(${local.pushed_functions})"
        per       = null
        aligner   = "ALIGN_MAX"
        reducer   = "REDUCE_MAX"
        group_by  = ["resource.label.subscription_id"]
        threshold = var.alert_thresholds.push_age_seconds
        duration  = 300
      }]
    }
    queues = {
      title    = "Tasks wait or fail"
      severity = "ERROR"
      what     = "Either one task in twenty begins more than ${var.alert_thresholds.queue_age_seconds} s after its time: the queue's rate in functions/catalog.yaml is too low. Or more than ${var.alert_thresholds.task_failures} attempts failed within five minutes: look at the log of the function that the tasks call. A task that fails at its last attempt is gone."
      conditions = [
        {
          # From the time that a task's attempt was scheduled for, so that what fails does not show here.
          title    = "Delay of tasks by queue"
          filter   = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\""
          per      = null
          aligner  = "ALIGN_PERCENTILE_95"
          reducer  = "REDUCE_MAX"
          group_by = ["resource.label.queue_id"]
          # In milliseconds.
          threshold = var.alert_thresholds.queue_age_seconds * 1000
          duration  = 300
        },
        {
          title     = "Failed attempts by queue"
          filter    = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND metric.labels.response_code!=monitoring.regex.full_match(\"(?i)ok|2[0-9]{2}\")"
          per       = null
          aligner   = "ALIGN_DELTA"
          reducer   = "REDUCE_SUM"
          group_by  = ["resource.label.queue_id"]
          threshold = var.alert_thresholds.task_failures
          duration  = 0
        },
      ]
    }
  }

  # Each such line is reason enough.
  log_alerts = {
    vault-failures = {
      title    = "The vault fails"
      severity = "CRITICAL"
      filter   = local.vault_failures
      what     = "Tokens could not be opened, refreshed or handed out. Look at the log of the function first, then at the state of the key in Cloud KMS: a version that is scheduled for destruction can be restored for 30 days."
    }
    no-instance = {
      title    = "Requests found no instance"
      severity = "ERROR"
      # Cloud Run refuses them with 429 or 500: https://cloud.google.com/run/docs/troubleshooting#no-available-instance
      filter = "resource.type=\"cloud_run_revision\" AND log_id(\"run.googleapis.com/requests\") AND textPayload:\"no available instance\""
      what   = "A function has as many instances as it may have (max_instances), or they do not start fast enough for what comes. Look at the dashboard how many there are."
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  # Without such a function, queue or topic there is nothing to wait for.
  for_each = {
    for name, alert in local.alerts : name => alert
    if !anytrue([for condition in alert.conditions : strcontains(condition.filter, "one_of()")])
  }

  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [google_monitoring_notification_channel.email.id]

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what
  }

  dynamic "conditions" {
    for_each = each.value.conditions
    iterator = condition

    content {
      display_name = condition.value.title

      condition_threshold {
        filter             = condition.value.filter
        denominator_filter = condition.value.per
        comparison         = "COMPARISON_GT"
        threshold_value    = condition.value.threshold
        duration           = "${condition.value.duration}s"

        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = condition.value.aligner
          cross_series_reducer = condition.value.reducer
          group_by_fields      = condition.value.group_by
        }

        dynamic "denominator_aggregations" {
          for_each = condition.value.per == null ? [] : ["all"]

          content {
            alignment_period     = "300s"
            per_series_aligner   = condition.value.aligner
            cross_series_reducer = condition.value.reducer
            group_by_fields      = condition.value.group_by
          }
        }
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_alerts

  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [google_monitoring_notification_channel.email.id]

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what
  }

  conditions {
    display_name = each.value.title

    condition_matched_log {
      filter           = each.value.filter
      label_extractors = { function = "EXTRACT(resource.labels.service_name)" }
    }
  }

  alert_strategy {
    auto_close = "86400s"

    # Policies on log lines have to have one.
    notification_rate_limit {
      period = "900s"
    }
  }
}

# The dashboard

locals {
  charts = [
    { title = "Requests per second", filter = "resource.type=\"cloud_run_revision\" metric.type=\"${local.metric["requests"]}\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", group_by = "metric.label.function" },
    { title = "Failed requests per second", filter = "resource.type=\"cloud_run_revision\" metric.type=\"${local.metric["failed-requests"]}\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", group_by = "metric.label.function" },
    { title = "95th percentile of duration (ms)", filter = "resource.type=\"cloud_run_revision\" metric.type=\"${local.metric["request-duration"]}\"", aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", group_by = "metric.label.function" },
    { title = "Instances", filter = "resource.type=\"cloud_run_revision\" metric.type=\"run.googleapis.com/container/instance_count\"", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", group_by = "resource.label.service_name" },
    { title = "Tasks in queues", filter = "resource.type=\"cloud_tasks_queue\" metric.type=\"cloudtasks.googleapis.com/queue/depth\"", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", group_by = "resource.label.queue_id" },
    { title = "Oldest message not taken (s)", filter = "resource.type=\"pubsub_subscription\" metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", group_by = "resource.label.subscription_id" },
    { title = "Failures of the vault", filter = "resource.type=\"cloud_run_revision\" metric.type=\"${local.metric["vault-failures"]}\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", group_by = "metric.label.function" },
    { title = "Reads of documents per second", filter = "resource.type=\"firestore.googleapis.com/Database\" metric.type=\"firestore.googleapis.com/document/read_ops_count\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", group_by = "resource.label.database_id" },
  ]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "Briefly"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, chart in local.charts : {
          xPos   = index % 2 * 6
          yPos   = floor(index / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                      groupByFields      = [chart.group_by]
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.this]
}
