package suspect_test

// The vocabulary of the generated day. It was written from what people and monitoring systems write, without the
// package's synonyms, stop words and shapes of files in view, and shares nothing with them.

// fault is a way in which software fails: what a change that has to do with it is called, which files it is in, and
// what is seen of it when it fails.
type fault struct {
	titles []string // of changes by programmers; %s is a part of the product
	paths  []string // in the repository of a service
	alerts []string // names of alerts
	words  []string // what people write who see it; %s is the service
}

var faults = map[string]fault{
	"memory": {
		[]string{"Keep parsed %s in memory", "Preload all %s at boot", "Stream %s in larger chunks", "Give %s workers less RAM", "Drop the object pool of %s"},
		[]string{"internal/pool/objects.go", "worker/buffer.go", "deploy/resources.yaml", "runtime/jvm.options", "chunk/reader.go"},
		[]string{"KubePodOOMKilled", "ContainerMemoryNearLimit", "PodRestartsHigh", "HostOutOfMemory"},
		[]string{"pods of %s are being OOM killed", "%s restarts every few minutes, memory climbs until it dies", "heap of %s is full"},
	},
	"latency": {
		[]string{"Call %s synchronously", "Raise the client timeout of %s", "Fetch %s one by one", "Replace the %s thread pool", "Retry %s with backoff"},
		[]string{"internal/client/retry.go", "http/timeout.go", "pool/threads.go", "handlers/list.go", "rpc/deadline.go"},
		[]string{"HighRequestLatency", "SlowResponses", "ApdexLow", "P99LatencyTooHigh", "UpstreamTimeouts"},
		[]string{"%s takes 20 seconds to answer", "requests to %s time out", "everything that needs %s is very slow", "p99 of %s went from 200 ms to 9 s"},
	},
	"errors": {
		[]string{"Handle empty %s", "Parse %s with the new decoder", "Make %s fields optional", "Return early without %s", "Tidy the %s handler", "Validate %s strictly"},
		[]string{"handlers/create.go", "decode/json.go", "api/v2/routes.go", "validate/input.go", "internal/model/entity.go"},
		[]string{"HighErrorRate", "Http5xxBudgetBurn", "UnhandledExceptions", "SLOErrorBudgetBurn", "TooMany500s"},
		[]string{"%s answers 500 to every third request", "panic in %s: nil pointer", "lots of exceptions from %s since a few minutes", "error rate of %s is 30 %%"},
	},
	"auth": {
		[]string{"Sign %s sessions with the new key", "Check scopes of %s", "Shorten the session of %s", "Accept only RS256 for %s", "Move %s to single sign-on"},
		[]string{"auth/session.go", "middleware/jwt.go", "security/scopes.go", "login/handler.go", "oidc/provider.go"},
		[]string{"LoginFailuresHigh", "TokenValidationErrors", "AuthSuccessRateLow", "Unauthorized401Spike"},
		[]string{"nobody can log in to %s", "%s rejects valid tokens", "users of %s are thrown out and get 401", "SSO for %s is broken"},
	},
	"certs": {
		[]string{"Issue %s certificates from the new CA", "Require mTLS between %s and the edge", "Renew %s earlier", "Drop TLS 1.1 for %s"},
		[]string{"tls/roots.pem", "certs/issuer.yaml", "edge/listener.yaml", "tls/config.go"},
		[]string{"CertificateExpiringSoon", "TLSHandshakeErrors", "X509VerificationFailed"},
		[]string{"browsers say the certificate of %s is invalid", "x509: signed by unknown authority when calling %s", "TLS handshakes with %s fail"},
	},
	"dns": {
		[]string{"Move %s to the private zone", "Shorten the record of %s", "New hostname for %s", "Search domains for %s pods"},
		[]string{"zones/internal.yaml", "dns/records.tf", "network/resolv.conf", "hosts/alias.yaml"},
		[]string{"CoreDNSErrorsHigh", "NameResolutionFailures", "DNSLookupSlow"},
		[]string{"no such host for %s", "%s can't be resolved from the cluster", "lookups of %s fail now and then"},
	},
	"disk": {
		[]string{"Keep %s dumps for a month", "Write %s traces to the volume", "Compact %s weekly", "Log %s bodies"},
		[]string{"storage/retention.go", "logs/rotate.yaml", "volumes/data.yaml", "compact/job.go"},
		[]string{"DiskWillFillIn4Hours", "NodeFilesystemAlmostFull", "PersistentVolumeFillingUp"},
		[]string{"no space left on device on %s", "the volume of %s is full", "disk of %s at 100 %%"},
	},
	"database": {
		[]string{"Add an index on %s", "Split the %s table", "Join %s in one query", "Make %s.owner not null", "Rename the column of %s", "Use a read replica for %s"},
		[]string{"db/migrations/0042_alter.sql", "store/queries.go", "repository/find.go", "db/pool.go", "schema/tables.sql"},
		[]string{"PostgresConnectionsExhausted", "DatabaseDeadlocks", "ReplicationLagHigh", "SlowQueries", "DBConnectionPoolSaturated"},
		[]string{"%s waits for locks in postgres", "column does not exist, says %s", "too many connections to the database of %s", "deadlocks in the DB of %s"},
	},
	"queue": {
		[]string{"Consume %s in parallel", "New topic for %s", "Ack %s after the write", "Change the partition key of %s", "Retry dead letters of %s"},
		[]string{"consumer/group.go", "events/publish.go", "topics/schema.avsc", "jobs/retry.rb", "worker/loop.go"},
		[]string{"KafkaConsumerLagHigh", "QueueDepthGrowing", "DeadLettersIncreasing", "SidekiqBacklog"},
		[]string{"events of %s arrive an hour late", "the backlog of %s grows and grows", "consumers of %s stand still, lag is 2 million", "messages to %s are lost"},
	},
	"cache": {
		[]string{"Cache %s for a day", "New key for %s in redis", "Invalidate %s on write", "Skip the cache for %s"},
		[]string{"cache/keys.go", "redis/client.go", "store/ttl.go", "http/etag.go"},
		[]string{"RedisHitRateLow", "CacheEvictionsHigh", "RedisDown"},
		[]string{"customers see stale data from %s", "%s shows the basket of somebody else", "redis of %s evicts everything"},
	},
	"money": {
		[]string{"Round %s half up", "Take discounts off before %s", "New currency for %s", "Split %s by tenant"},
		[]string{"money/round.go", "billing/invoice.go", "tax/rates.go", "discount/rules.go"},
		[]string{"PaymentSuccessRateLow", "CardDeclinesHigh", "InvoiceMismatch"},
		[]string{"cards are declined in %s", "%s charged customers twice", "totals of %s are wrong by a cent"},
	},
	"mail": {
		[]string{"New sender for %s", "Template of %s in two languages", "Send %s in batches", "Unsubscribe link for %s"},
		[]string{"mail/template.html", "smtp/client.go", "notify/batch.go", "mail/sender.go"},
		[]string{"EmailBounceRateHigh", "NotificationDeliveryFailing", "SMTPErrors"},
		[]string{"customers get no mails from %s", "%s sends the same mail ten times", "mails from %s bounce"},
	},
	"page": {
		[]string{"Lazy load %s", "New layout of %s", "Bundle %s with the rest", "Hydrate %s later", "Colours of %s"},
		[]string{"src/components/List.tsx", "src/pages/index.tsx", "webpack.config.js", "public/app.css", "src/hooks/useData.ts"},
		[]string{"JSErrorsSpike", "PageLoadFailures", "BlankPageRate"},
		[]string{"the %s page is blank", "buttons in %s do nothing", "%s does not load in Safari", "Uncaught TypeError in the browser on %s"},
	},
}

// chores are changes that have to do with no fault.
var chores = []string{"Rename a variable in %s", "Split the %s file", "Comment on %s", "Refactor %s", "Count %s", "Log less of %s",
	"Introduce a type for %s", "Move %s to its own package", "Add a metric for %s", "Extract %s", "Use generics for %s", "Feature: %s by region"}

var chorePaths = []string{"internal/%s/service.go", "lib/%s.rb", "src/%s/index.ts", "pkg/%s/types.go", "app/%s/view.py", "core/%s.kt"}

// things are parts of the product that changes are about.
var things = []string{"baskets", "vouchers", "addresses", "parcels", "tariffs", "customers", "products", "labels", "quotes", "refunds",
	"wishlists", "stores", "suppliers", "ratings", "filters", "sessions", "slots", "bundles", "receipts", "campaigns"}

// vague is what people write who see that something is wrong and no more.
var vague = []string{"something is broken, customers complain", "production down?", "we get many calls from customers", "site does not work",
	"Major problem in production, please help", "several customers can't work", "all red on the dashboard", "Support reports an outage"}

// modules are what dependencies update, with the fault that they are near to.
var modules = []struct{ name, fault string }{
	{"github.com/jackc/pgx/v5", "database"}, {"sqlalchemy", "database"}, {"hikaricp", "database"}, {"ioredis", "cache"},
	{"github.com/redis/go-redis/v9", "cache"}, {"jsonwebtoken", "auth"}, {"passport-saml", "auth"}, {"golang.org/x/oauth2", "auth"},
	{"kafkajs", "queue"}, {"sarama", "queue"}, {"sidekiq", "queue"}, {"axios", "latency"}, {"undici", "latency"}, {"grpc-go", "latency"},
	{"jackson-databind", "errors"}, {"zod", "errors"}, {"protobuf", "errors"}, {"react", "page"}, {"next", "page"}, {"nodemailer", "mail"},
	{"openssl", "certs"}, {"stripe", "money"}, {"netty", "memory"}, {"lodash", ""}, {"testify", ""}, {"eslint", ""}, {"zap", ""},
	{"asyncpg", "database"}, {"knex", "database"}, {"github.com/nats-io/nats.go", "queue"}, {"got", "latency"}, {"msgpack", "errors"}, {"github.com/dgraph-io/ristretto", "cache"},
	{"typescript", ""}, {"prettier", ""}, {"cobra", ""}, {"rubocop", ""}, {"logback", ""},
}

// The repositories of the generated company.
var (
	services = []string{"payments", "checkout", "orders", "search", "catalog", "inventory", "shipping", "pricing", "accounts", "identity-api",
		"notifications", "mailer", "reviews", "recommendations", "cart-service", "invoices", "ledger", "fraud", "profiles", "media", "exports",
		"reports", "webhooks", "subscriptions"}
	fronts    = []string{"web", "mobile-bff", "admin-ui", "partner-portal"}
	libraries = []string{"go-commons", "ui-kit", "http-client", "event-sdk"}
	platform  = []string{"gitops", "terraform-live", "edge", "observability", "base-images"}
	others    = []string{"feature-flags", "handbook", "data-pipelines"}
)
