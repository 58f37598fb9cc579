namespace Relay.Intake.Http.Description;

/// <summary>Marks an endpoint that answers 401 without a key.</summary>
internal sealed record NeedsKey;

/// <summary>Marks an endpoint that reads the header Idempotency-Key.</summary>
internal sealed record TakesIdempotencyKey;
