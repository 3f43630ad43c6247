resource "node_pool" "services" {
  machine = "m6"
  min     = 6
  max     = 18
}
