package forge

import (
	"slices"
	"time"
)

// Delivery is one attempt to deliver a webhook.
type Delivery struct {
	ID           int64
	GUID         string
	Event        string
	Action       string
	RepositoryID int64 // 0 when the event is about no repository
	Redelivery   bool
	At           time.Time
	Due          time.Time     `json:",omitzero"` // when it goes out, of one that is delayed
	Duration     time.Duration // on the wall clock
	Code         int           // HTTP status, 0 when there was no answer
	Reason       string        // GitHub's word: OK, "Invalid HTTP Response: 500", "failed to connect to host", "timed out"
	Done         bool          // false while it waits in the queue
	RequestHead  map[string]string
	Payload      []byte
	ResponseHead map[string]string
	ResponseBody string
}

// OK reports whether the receiver accepted the delivery.
func (d *Delivery) OK() bool { return d.Done && d.Code >= 200 && d.Code < 300 }

// TimedOut is GitHub's word for a delivery whose receiver did not answer in time.
const TimedOut = "timed out"

// HookID is the number of the App's webhook.
const HookID = 1

// FindDelivery finds a delivery by its id.
func (f *Forge) FindDelivery(id int64) (*Delivery, bool) {
	n, ok := slices.BinarySearchFunc(f.Deliveries, id,
		func(d *Delivery, id int64) int { return int(min(max(d.ID-id, -1), 1)) })
	if !ok {
		return nil, false
	}
	return f.Deliveries[n], true
}
