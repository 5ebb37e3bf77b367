resource "google_billing_budget" "month" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "Briefly, ${var.environment}"

  budget_filter {
    projects        = ["projects/${local.project_number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(floor(var.budget.monthly_amount))
    }
  }

  dynamic "threshold_rules" {
    for_each = { half = [0.5, "CURRENT_SPEND"], most = [0.9, "CURRENT_SPEND"], all = [1, "CURRENT_SPEND"], foreseen = [1, "FORECASTED_SPEND"] }
    iterator = rule

    content {
      threshold_percent = rule.value[0]
      spend_basis       = rule.value[1]
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.email.id]
    disable_default_iam_recipients   = false
  }

  depends_on = [google_project_service.this]
}
