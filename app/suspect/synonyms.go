package suspect

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/words"
)

// synonyms are the words of operations that are about the same thing. A word of the symptoms also
// fits a path or title that has another word of its line, for less than the word itself. The names
// of products and libraries that many use are there since updates of dependencies name nothing else.
// A plus continues a line.
var synonyms = readSynonyms(`
oom memory heap limit limits rss leak garbage gc killed eviction evicted resources jvm buffer pool
5xx 500 502 503 error errors exception panic crash crashing crashloop backoff fault failure failing
error decode decoder parse parser json validate validation serialize jackson protobuf pydantic
latency slow timeout timeouts deadline delay p99 p95 duration hang stuck retry
timeout http client grpc rpc axios okhttp undici urllib3 requests netty
cert certs tls ssl certificate certificates x509 expired expiry handshake mtls ca openssl rustls
dns resolve resolver nameserver coredns nxdomain zone zones hostname host record lookup lookups
disk volume storage pvc inode filesystem quota space retention logs dump dumps
auth login signin token tokens session sessions oauth
+ oauth2 sso oidc saml jwt jsonwebtoken permission permissions scope
+ forbidden unauthorized 401 403 passport keycloak
database db sql migration migrations migrate postgres postgresql
+ mysql schema query queries index deadlock deadlocks replica
+ pool table column pgx psycopg hibernate sqlalchemy activerecord prisma hikari gorm
queue kafka consumer consumers consume producer broker topic lag
+ backlog rabbitmq sqs worker workers job jobs event events
+ kafkajs sarama librdkafka sidekiq celery partition letter letters
config configuration settings flag flags feature toggle rollout env environment variable values
cache redis memcached ttl eviction evicts stale invalidation hit ioredis jedis
cpu throttle throttling load saturation autoscaler hpa replicas
network ingress proxy gateway nginx envoy loadbalancer lb
+ route routes routing connection connections socket mesh listener
secret secrets vault key keys rotate rotation credential credentials
payment payments checkout charge charged billing invoice invoices
+ card cards stripe adyen currency discount discounts tax
mail mails email smtp notification notifications sms sender sendgrid nodemailer bounce
deploy deployment release rollout helm chart image container pod pods
search index elasticsearch opensearch query
upload uploads download s3 bucket blob object
rate ratelimit throttle 429 quota limiter
cron schedule scheduled scheduler batch
render page pages frontend css script javascript js bundle
+ asset assets browser ui react vue angular webpack vite component
`)

// readSynonyms returns the lines in which each stem is.
func readSynonyms(table string) map[string][]int {
	lines := map[string][]int{}
	n := 0
	for line := range strings.Lines(table) {
		rest, more := strings.CutPrefix(line, "+")
		if !more {
			n++
		}
		for w := range strings.FieldsSeq(rest) {
			s := words.Stem(w)
			if l := lines[s]; len(l) == 0 || l[len(l)-1] != n {
				lines[s] = append(l, n)
			}
		}
	}
	return lines
}
