using System.Collections.Concurrent;
using System.Text.Json;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>The program behind the webhook of an inbound route: what is posted is mail, and goes into the ledger as an arrival.</summary>
internal sealed class RouteSink(LedgerBook book, string name, int port) : HookSink(port)
{
    private readonly ConcurrentDictionary<string, string> _ids = new();

    protected override void Look(string id, byte[] body, int number, HookAct act)
    {
        var data = JsonElement.Parse(body).GetProperty("data");
        var content = ReceivedContent.Read(data.GetProperty("raw").GetBytesFromBase64(), isStuffed: false, keys: null);
        if (content.Token is not null && _ids.GetOrAdd(content.Token, id) != id)
        {
            AddWrong(content.Token, $"came as {_ids[content.Token]} and as {id}");
        }

        var recipients = data.GetProperty("recipients").EnumerateArray().Select(recipient => recipient.GetString()!).ToList();
        book.Add(content.ToArrival(name, number, recipients, act switch
        {
            HookAct.Take => SinkAnswer.Accepted,
            HookAct.TakeUnheard => SinkAnswer.AcceptedUnheard,
            HookAct.TakeLate => SinkAnswer.AcceptedLate,
            _ => SinkAnswer.Deferred,
        }));
    }
}
