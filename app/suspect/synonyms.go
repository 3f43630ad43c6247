package suspect

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/words"
)

// synonyms are the words of operations that are about the same thing. A word of the symptoms also
// fits a path or title that has another word of its line, for less than the word itself.
var synonyms = readSynonyms(`
oom memory heap limit limits rss leak garbage gc killed eviction evicted resources
5xx 500 502 503 error errors exception panic crash crashing crashloop backoff fault failure failing
latency slow timeout timeouts deadline delay p99 p95 duration hang stuck
cert certs tls ssl certificate certificates x509 expired expiry handshake mtls
dns resolve resolver nameserver coredns nxdomain zone
disk volume storage pvc inode filesystem quota
auth login signin token tokens session oauth sso oidc jwt permission permissions forbidden unauthorized 401 403
database db sql migration migrations migrate postgres postgresql mysql schema query queries index deadlock replica pool
queue kafka consumer producer broker topic lag backlog rabbitmq sqs worker workers job jobs
config configuration settings flag flags feature toggle rollout env environment variable values
cache redis memcached ttl eviction stale invalidation hit
cpu throttle throttling load saturation autoscaler hpa replicas
network ingress proxy gateway nginx envoy loadbalancer lb route routes routing connection connections socket mesh
secret secrets vault key keys rotate rotation credential
payment payments checkout charge billing invoice card
mail email smtp notification notifications sms
deploy deployment release rollout helm chart image container pod pods
search index elasticsearch opensearch query
upload uploads download s3 bucket blob object file files
rate ratelimit throttle 429 quota limiter
cron schedule scheduled scheduler batch
render page frontend css script bundle asset assets browser ui
`)

// readSynonyms returns the lines in which each stem is.
func readSynonyms(table string) map[string][]int {
	lines := map[string][]int{}
	n := 0
	for line := range strings.Lines(table) {
		n++
		for w := range strings.FieldsSeq(line) {
			s := words.Stem(w)
			if l := lines[s]; len(l) == 0 || l[len(l)-1] != n {
				lines[s] = append(l, n)
			}
		}
	}
	return lines
}
