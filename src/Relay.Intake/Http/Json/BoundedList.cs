using System.Collections.ObjectModel;

namespace Relay.Intake.Http.Json;

/// <summary>A list of a request, left off while it is being read where it seems to have no end: each item costs many times its octets.</summary>
internal sealed class BoundedList<T> : Collection<T>
{
    // More than any request may have; how many it may, whoever checks it says.
    private const int Most = 1_000;

    protected override void InsertItem(int index, T item)
    {
        if (Count == Most)
        {
            throw new FieldException($"holds more than {Most} items", fault: FieldFault.List);
        }

        base.InsertItem(index, item);
    }
}
