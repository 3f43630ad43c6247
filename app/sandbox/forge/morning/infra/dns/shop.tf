resource "dns_record" "shop" {
  name = "shop.acme.example"
  ttl  = 3600
}
