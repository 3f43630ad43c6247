package engine

import (
	"context"
	"sync"
)

// listings are the open incidents of repositories, while they are asked for. In a storm each of a hundred
// alerts a second asks before it pages, and GitHub has some 15 calls a second for all of an installation: so
// who asks while GitHub is asked waits for the next listing, which serves all who came until it began.
type listings struct {
	mu      sync.Mutex
	running map[string]*listing
	next    map[string]*listing
}

// listing is one of them.
type listing struct {
	done chan struct{} // closed when it is there
	all  []Written
	err  error
}

// open returns the open incidents in repo ("owner/repo"), as find has them no earlier than now.
func (l *listings) open(ctx context.Context, repo string,
	find func(context.Context, string, IsMarked) (int, error)) ([]Written, error) {
	l.mu.Lock()
	if joined := l.next[repo]; joined != nil {
		l.mu.Unlock()
		return joined.wait(ctx)
	}
	mine, before := &listing{done: make(chan struct{})}, l.running[repo]
	if l.running == nil {
		l.running, l.next = map[string]*listing{}, map[string]*listing{}
	}
	if before == nil {
		l.running[repo] = mine
	} else {
		l.next[repo] = mine
	}
	l.mu.Unlock()
	// Others wait for it, so it doesn't end with who asked first.
	go func() {
		if before != nil {
			<-before.done
			l.mu.Lock()
			l.running[repo] = mine
			delete(l.next, repo)
			l.mu.Unlock()
		}
		within, stop := context.WithTimeout(context.WithoutCancel(ctx), policyPatience)
		defer stop()
		_, mine.err = find(within, repo, func(w Written) bool {
			mine.all = append(mine.all, w)
			return false
		})
		l.mu.Lock()
		if l.running[repo] == mine {
			delete(l.running, repo)
		}
		l.mu.Unlock()
		close(mine.done)
	}()
	return mine.wait(ctx)
}

func (l *listing) wait(ctx context.Context) ([]Written, error) {
	select {
	case <-l.done:
		return l.all, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
