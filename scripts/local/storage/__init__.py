"""Cloud Storage: fake-gcs-server keeps the bytes, and what it does not enforce is enforced in front of it.

- `program`: the server's binary, a child of the runner. Nobody is told its port but the proxy.
- `backend`: how the proxy speaks to it.
- `objects`: what exists, one change at a time per object, by preconditions, retention and holds.
- `signatures`, `admission`: who asks, by a signed URL or an access token, and whether they may.
- `sessions`, `uploads`: resumable uploads, of the JSON API and of signed URLs.
- `json_api`, `xml_api`, `server`: the two dialects on one port.

Fails on command by the fault service name `storage` and a method such as `objects.insert` (`scripts.local.faults`).
Not imitated: buckets made, changed or listed by their users, object versions and soft delete, ACLs, customer keys,
decompression on the way out, batches, multipart uploads of the XML API, HMAC and V2 signatures, POST policies,
virtual-hosted addresses, the soft limit of one write a second to the same object, gRPC.
"""
