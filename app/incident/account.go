package incident

import (
	"context"
	"slices"
)

type accountKey struct{}

// ForAccount returns a context of what is done by the configuration of an account on GitHub: what goes out for
// it has the account's secrets, targets and bounds.
func ForAccount(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}

// AccountOf returns the account for which something is done; empty: none is known.
func AccountOf(ctx context.Context) string {
	account, _ := ctx.Value(accountKey{}).(string)
	return account
}

// Of returns the policy as that of an account, whose repository has its file. Nothing in a file can say so.
func (p Policy) Of(account string) Policy {
	p.Account, p.Services = account, slices.Clone(p.Services)
	for i := range p.Services {
		p.Services[i].Account = account
	}
	return p
}
