using System.Text.Json.Serialization;
using Relay.Intake.Http.Domains;
using Relay.Intake.Http.Inbox;
using Relay.Intake.Http.Incoming;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Messages;
using Relay.Intake.Http.Queue;
using Relay.Intake.Http.Senders;
using Relay.Intake.Http.Routes;
using Relay.Intake.Http.Sending;
using Relay.Intake.Http.Statistics;
using Relay.Intake.Http.Templates;
using Relay.Intake.Http.Webhooks;
using Relay.Mail.Domains;
using Relay.Intake.Http.Suppressions;

namespace Relay.Intake.Http.Json;

/// <summary>
/// JSON of the API. Strict where it reads: a mistyped field must not lose a recipient, a doubled one must not mean two
/// things to two readers.
/// </summary>
// No request is deeper than four levels but for the variables of a template; a depth of 16 leaves room and stops a bomb at once.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    MaxDepth = 16)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(SendRequest))]
[JsonSerializable(typeof(SendAnswer))]
[JsonSerializable(typeof(SendRequest[]))]
[JsonSerializable(typeof(BatchRequest))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(MessageView))]
[JsonSerializable(typeof(Page<MessageView>))]
[JsonSerializable(typeof(Page<TranscriptView>))]
[JsonSerializable(typeof(CapturedView))]
[JsonSerializable(typeof(Page<CapturedView>))]
[JsonSerializable(typeof(Page<AsideView>))]
[JsonSerializable(typeof(TokenKeyView))]
[JsonSerializable(typeof(RouteRequest))]
[JsonSerializable(typeof(RouteView))]
[JsonSerializable(typeof(Page<RouteView>))]
[JsonSerializable(typeof(WebhookRequest))]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(WebhookView))]
[JsonSerializable(typeof(Page<WebhookView>))]
[JsonSerializable(typeof(TestView))]
[JsonSerializable(typeof(ReplayView))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(KeyView))]
[JsonSerializable(typeof(Page<KeyView>))]
[JsonSerializable(typeof(AccountRequest))]
[JsonSerializable(typeof(AccountView))]
[JsonSerializable(typeof(Page<AccountView>))]
[JsonSerializable(typeof(LimitsRequest))]
[JsonSerializable(typeof(Page<LimitView>))]
[JsonSerializable(typeof(SenderRequest))]
[JsonSerializable(typeof(SenderView))]
[JsonSerializable(typeof(Page<SenderView>))]
[JsonSerializable(typeof(SubdomainsRequest))]
[JsonSerializable(typeof(DomainRequest))]
[JsonSerializable(typeof(DomainView))]
[JsonSerializable(typeof(Page<DomainView>))]
[JsonSerializable(typeof(SuppressionRequest))]
[JsonSerializable(typeof(SuppressionView))]
[JsonSerializable(typeof(Page<SuppressionView>))]
[JsonSerializable(typeof(ImportAnswer))]
[JsonSerializable(typeof(CancelAnswer))]
[JsonSerializable(typeof(ChecklistView))]
[JsonSerializable(typeof(Page<DayView>))]
[JsonSerializable(typeof(QueueView))]
[JsonSerializable(typeof(NodesView))]
[JsonSerializable(typeof(DestinationFindings))]
[JsonSerializable(typeof(Page<SiteView>))]
[JsonSerializable(typeof(LanePage))]
[JsonSerializable(typeof(Page<UnitView>))]
[JsonSerializable(typeof(QueueRequest))]
[JsonSerializable(typeof(PreviewView))]
[JsonSerializable(typeof(AskView))]
[JsonSerializable(typeof(TemplateRequest))]
[JsonSerializable(typeof(TemplateView))]
[JsonSerializable(typeof(Page<TemplateView>))]
[JsonSerializable(typeof(PreviewRequest))]
[JsonSerializable(typeof(RenderedView))]
[JsonSerializable(typeof(SuspensionView))]
[JsonSerializable(typeof(Page<SuspensionView>))]
internal sealed partial class ApiJson : JsonSerializerContext;
