resource "health_check" "services" {
  path      = "/ready"
  interval  = "10s"
  unhealthy = 1
}
