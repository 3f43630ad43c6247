package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// ErrNoEndpoint is returned when what the product is compared with doesn't take the deliveries.
var ErrNoEndpoint = errors.New("no webhook endpoint that takes deliveries signed with " + Secret)

// Against measures how many deliveries a second another endpoint answers that verifies GitHub's signatures with Secret,
// in turns with the product's: one that keeps nothing, as the other may, and one that stores them on disk before it
// answers. The same client sends the same to all.
func Against(ctx context.Context, o Options, url string) ([]Row, error) {
	disk, err := endpoint(filepath.Join(o.Dir, "bench.db"))
	if err != nil {
		return nil, err
	}
	defer disk.close()
	deaf, err := listen(product(func(context.Context, incident.Message) error { return nil }))
	if err != nil {
		return nil, err
	}
	defer deaf.close()
	other := &server{url: url}
	var theirs, decided, stored series
	o.progress()("the endpoint, in turns with " + url)
	for range rounds {
		for _, m := range []struct {
			at   *server
			rows *series
		}{{other, &theirs}, {deaf, &decided}, {disk, &stored}} {
			row, err := m.at.load(ctx, o.Clients, o.Duration/rounds, 0)
			if err != nil && m.at == other {
				return nil, fmt.Errorf("%w: %w", ErrNoEndpoint, err)
			}
			if err != nil {
				return nil, err
			}
			*m.rows = append(*m.rows, row)
		}
	}
	return []Row{theirs.middle(url), decided.against(theirs, "verified and decided", url),
		stored.against(theirs, "stored on disk", url)}, nil
}
