using Relay.Intake.Admission;

namespace Relay.Intake.Smtp;

/// <summary>Who knows the keys, and how much patience there is with wrong ones.</summary>
internal sealed record LoginDesk(Logins Logins, SubmissionOptions Limits);
