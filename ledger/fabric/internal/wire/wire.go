// Package wire is what the chaincode and its clients say to each other:
// functions, statuses, and the log.
package wire

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
)

// Functions of the chaincode. Arguments and answers are in its package comment.
const (
	Append     = "append"
	Get        = "get"
	Tail       = "tail"
	Tiles      = "tiles"
	Places     = "places"
	Seal       = "seal"
	Find       = "find"
	History    = "history"
	Checkpoint = "checkpoint"
)

// Statuses of answers, besides 200.
const (
	Invalid   = 400
	Forbidden = 403
	NotFound  = 404
	Conflict  = 409
	TooLarge  = 413
	Internal  = 500
)

// Role is the attribute of a client's certificate that says what it may do, and
// Writer its value for those who append. All members of the channel read.
const (
	Role   = "auditlog.role"
	Writer = "writer"
)

// What became of a record, in the answer to Append.
const (
	Stored = "stored"
	Known  = "known" // was stored before
)

// LogKey is the key of the state whose history is the log.
const LogKey = "log"

// SealedKey is the key of the state that has a Sealed.
const SealedKey = "sealed"

// IndexType is the type of the composite keys of the index: (KeyOf, number of a
// tile), whose values are the places in the tile, a byte each.
const IndexType = "index"

// Event is the name of the event of a transaction. Its payload is what the
// transaction wrote into the log.
const Event = "records"

// A Write is what one transaction adds to the log.
type Write struct {
	Records []Record `json:"records"`
}

// A Record is what the log says of a record.
type Record struct {
	ID   string   `json:"id"`   // IDOf
	Hash string   `json:"hash"` // RFC 6962 leaf hash, in hexadecimal
	Keys []string `json:"keys"` // KeyOf each index key, in order
}

// A Transaction is a Write in its place.
type Transaction struct {
	ID string `json:"tx"`
	Write
}

// TileHeight is the height of tiles, as C2SP tlog-tiles has it, and TileWidth the
// number of records that are sealed together: those of a tile of level 0.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// A Sealed is how much of the log is sealed: so many tiles, the last record of
// which is the last of those that a transaction stored first.
type Sealed struct {
	Tiles  int64  `json:"tiles"`
	ID     string `json:"tx"`     // of the transaction
	Within int    `json:"within"` // how many of its records are sealed
}

// A Rest is what of the log is not sealed: records that its first transaction
// has in a tile are left out.
type Rest struct {
	Sealed
	Edge tree.Edge     `json:"edge"` // of the tree of what is sealed
	Log  []Transaction `json:"log"`
}

// A Place is where a record is, in the answer to Places.
type Place struct {
	Index       int64  `json:"index"` // -1 if it is not sealed
	Transaction string `json:"tx"`
}

// A Page is a part of what Find finds: indexes, ascending, which may have others
// among them where the short names of keys meet.
type Page struct {
	// Tiles is how many were sealed: no page has what comes after them.
	Tiles   int64   `json:"tiles"`
	Indexes []int64 `json:"indexes"`
	// Next is the index from which the next page goes on, that of the first
	// record of a tile. It is 0 on the last page.
	Next int64 `json:"next"`
}

// A Moment is when a record was stored, in the answer to History.
type Moment struct {
	Transaction string `json:"tx"`
	// Time is what the client of the transaction says, in RFC 3339.
	Time string `json:"time"`
}

// IDOf is the name of a record: SHA-256 of its idempotency key, in hexadecimal.
func IDOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// KeyOf is a short name of an index key: 8 bytes of SHA-256 over name, a zero
// byte and value, in hexadecimal. Two keys may share it, so whoever finds a
// record by it looks at the record.
func KeyOf(k ledger.Key) string {
	sum := sha256.Sum256([]byte(k.Name + "\x00" + k.Value))
	return hex.EncodeToString(sum[:8])
}
