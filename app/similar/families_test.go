package similar_test

// family is a kind of incident that comes again, in the words of the people who wrote of it. Each line is one way to
// say it; %s is the service.
type family struct {
	name      string
	alerts    []string
	titles    []string
	summaries []string
	findings  []string
	causes    []string
	fixes     []string
}

var families = []family{
	{"certificate", []string{"CertificateExpiringSoon", "TLSHandshakeErrors"},
		[]string{"Certificate of %s has expired", "TLS errors at %s", "Nobody can connect to %s"},
		[]string{"Browsers warn that the certificate is not valid.", "Clients can't open a secure connection to %s.", "x509 errors in every log since midnight."},
		[]string{"The certificate ended at 00:00 UTC.", "openssl says that the chain is expired.", "cert-manager could not renew, the ACME challenge fails."},
		[]string{"The renewal of the certificate had failed for three weeks and nobody saw it.", "The issuer's intermediate expired.", "cert-manager had lost its permission to write DNS records."},
		[]string{"Renewed the certificate by hand.", "New chain rolled out to the edge.", "Gave cert-manager its role back."}},
	{"memory", []string{"KubePodOOMKilled", "ContainerMemoryHigh"},
		[]string{"%s restarts all the time", "Pods of %s are killed", "%s out of memory"},
		[]string{"Pods are restarted every few minutes.", "%s is gone for seconds, comes back, and is gone again.", "Memory grows until the container dies."},
		[]string{"Exit code 137, OOM killed.", "A heap dump is full of parsed carts.", "RSS climbs by 100 MB a minute."},
		[]string{"A leak: a map that is never emptied.", "The limit was cut to half by accident.", "An export reads the whole table into memory."},
		[]string{"Raised the memory limit to 2 GB.", "Rolled back to the version without the leak.", "Switched the export off."}},
	{"database locks", []string{"DatabaseDeadlocks", "PostgresLongTransactions"},
		[]string{"Orders hang in %s", "Postgres of %s blocks", "%s waits for its database"},
		[]string{"Every write takes minutes.", "Requests pile up, the database is busy with locks.", "%s answers only to reads."},
		[]string{"pg_stat_activity shows 200 sessions that wait for one lock.", "A migration holds an exclusive lock on the table.", "Deadlock detected, in the log of postgres."},
		[]string{"The migration adds a column with a default on a table of 200 million rows.", "A transaction was left open by a console.", "Two jobs update the same rows in opposite order."},
		[]string{"Cancelled the migration.", "Killed the session that held the lock.", "Paused one of the jobs."}},
	{"connections", []string{"ConnectionPoolExhausted", "PostgresTooManyConnections"},
		[]string{"%s: too many connections", "No connection to the database for %s", "Pool of %s is exhausted"},
		[]string{"New requests fail with: remaining connection slots are reserved.", "%s can't get a connection from its pool.", "Half of the requests end after 30 seconds without a connection."},
		[]string{"All 500 connections are taken, most are idle.", "pgbouncer refuses new clients.", "Each pod opens 50 connections since the autoscaler made 20 pods."},
		[]string{"The pool's size was multiplied by the number of pods.", "Connections weren't given back after an error.", "pgbouncer was bypassed by a new setting."},
		[]string{"Smaller pools, and the pods restarted.", "Idle connections are closed after a minute.", "Went back to pgbouncer."}},
	{"dns", []string{"CoreDNSErrorsHigh", "NameResolutionFailing"},
		[]string{"Names can't be resolved in %s", "%s: no such host", "DNS is down for %s"},
		[]string{"Calls to other services fail with no such host.", "Name resolution fails for every tenth request.", "%s can't find its database by name."},
		[]string{"CoreDNS answers SERVFAIL.", "dig takes five seconds.", "The zone lacks the record since 09:40."},
		[]string{"A change of the zone removed the wildcard record.", "CoreDNS had too few replicas for the lookups with ndots 5.", "The resolver's upstream was switched off."},
		[]string{"Put the record back.", "Scaled CoreDNS to six replicas.", "Another upstream resolver."}},
	{"disk", []string{"NodeFilesystemFull", "PersistentVolumeFillingUp"},
		[]string{"Disk of %s is full", "No space left on %s", "%s can't write"},
		[]string{"No space left on device.", "%s is read-only, because its volume is full.", "Writes fail, reads work."},
		[]string{"df shows 100 % on /var/lib.", "Debug logs of 300 GB.", "WAL segments pile up since the replica is gone."},
		[]string{"Logs weren't rotated any more.", "A replication slot of a replica that no longer exists kept the WAL.", "Temporary files of the export are never deleted."},
		[]string{"Deleted old logs and made the volume larger.", "Dropped the replication slot.", "A job that cleans up the temporary files."}},
	{"queue", []string{"KafkaConsumerLagHigh", "QueueBacklogGrowing"},
		[]string{"Events of %s are late", "Backlog in %s", "Consumers of %s don't keep up"},
		[]string{"Customers see their orders an hour late.", "The queue has two million messages and grows.", "%s processes nothing since the morning."},
		[]string{"One partition has all the lag.", "The consumer group rebalances every minute.", "A message that can't be parsed blocks the partition."},
		[]string{"A poison message: the schema changed without its readers.", "Polling took longer than max.poll.interval, so the group rebalanced.", "One tenant's key gets nine tenths of the messages."},
		[]string{"Skipped the message and moved it to the dead letters.", "Longer poll interval, smaller batches.", "More partitions, and another key."}},
	{"login", []string{"LoginFailureRateHigh", "TokenValidationFailing"},
		[]string{"Nobody can log in to %s", "Login fails at %s", "Users of %s are logged out"},
		[]string{"Users are sent back to the login page.", "Valid tokens are refused with 401.", "SSO answers with an error for all tenants of %s."},
		[]string{"The signature of the tokens doesn't match the published keys.", "The identity provider's metadata changed.", "Clocks of the nodes are four minutes apart."},
		[]string{"The signing key was rotated, the old one removed before the tokens had ended.", "The SAML metadata at the provider was renewed without telling us.", "NTP was blocked by a new firewall rule."},
		[]string{"Published the old key again.", "Loaded the new SAML metadata.", "Opened NTP in the firewall."}},
	{"provider", []string{"PaymentProviderErrors", "ThirdPartyApiDown"},
		[]string{"Payments fail at the provider of %s", "Provider of %s is down", "Card payments are refused in %s"},
		[]string{"The payment provider answers 503.", "All cards are declined.", "%s can't reach its third party."},
		[]string{"The provider's status page reports an outage.", "Timeouts only for their European endpoint.", "Other customers of theirs report the same."},
		[]string{"An outage at the provider.", "The provider changed its API without notice.", "Our contract's rate limit was reached at the provider."},
		[]string{"Switched to the second provider.", "Retry later, and a banner for customers.", "The provider raised our limit."}},
	{"cache", []string{"RedisHitRateLow", "CacheStampede"},
		[]string{"Redis of %s is gone", "Cache of %s is cold", "%s shows stale data"},
		[]string{"All requests go to the database, as the cache is empty.", "Customers see the baskets of yesterday.", "Redis of %s evicts what was just written."},
		[]string{"Hit rate fell from 97 % to 3 %.", "maxmemory reached, keys are evicted.", "The keys have another prefix since the release."},
		[]string{"A new prefix made all keys useless at once.", "Redis failed over to a replica that was empty.", "Entries without a TTL filled Redis."},
		[]string{"Warmed the cache, and let requests in slowly.", "More memory for Redis.", "Back to the old prefix."}},
	{"front end", []string{"JavaScriptErrorsHigh", "BlankPageRate"},
		[]string{"Blank page in %s", "Buttons of %s do nothing", "%s doesn't load in Safari"},
		[]string{"The page stays white after the login.", "Clicking on buy does nothing.", "Uncaught TypeError in the browser's console."},
		[]string{"The bundle can't be found: 404 on the chunk.", "The script needs an API that Safari lacks.", "The CDN still has the old index.html."},
		[]string{"The CDN kept the page longer than the scripts that it needs.", "A polyfill was dropped from the bundle.", "A feature flag turned on a component that isn't finished."},
		[]string{"Purged the CDN.", "Polyfill back in the bundle.", "Flag off."}},
	{"network", []string{"NodeNetworkPacketLoss", "LoadBalancerUnhealthyTargets"},
		[]string{"%s can't be reached from one zone", "Packet loss at %s", "Load balancer of %s has no targets"},
		[]string{"Every third connection times out.", "One availability zone has lost its traffic.", "The load balancer reports all targets of %s as unhealthy."},
		[]string{"Packets are dropped between the zones.", "The health check goes to the old port.", "The security group lacks a rule."},
		[]string{"A change of the security group closed the port of the health check.", "MTU of the tunnel was wrong after the upgrade of the nodes.", "A route was deleted by terraform."},
		[]string{"Opened the port again.", "Set the MTU back.", "Restored the route."}},
}

var (
	services  = []string{"payments", "checkout", "orders", "search", "catalog", "shipping", "accounts", "identity", "mailer", "reports"}
	customers = []string{"Globex", "Initech", "Umbrella", "Hooli", "Vandelay", "Memory Lane Ltd", "Cache & Carry"}
	general   = []string{"Major incident in production.", "Many customers complain.", "Support has got 40 tickets.", "It started a few minutes ago.", "Please help."}
	asides    = []string{"Graphs are in the dashboard.", "The on-call of %s looks into it.", "Deployed again, no change.", "The last release was yesterday.", "Restarting helps for a minute.", "CPU is normal.", "We see errors in the logs of %s."}
)
