using Metering.Events;
using Metering.Pipeline.Meter;

namespace Metering.Pipeline.Govern;

/// <summary>Finds the body of an input's record, in the encoding that is read here. Of one task.</summary>
internal sealed class InputDecoder
{
    private readonly PooledBuffer _resolved = new();

    /// <param name="body">Valid until the next call.</param>
    /// <param name="isWaiting">The schema is not known yet; else a record that cannot be read is none of ours.</param>
    public bool TryDecode(SchemaBook schemas, ReadOnlySpan<byte> value, out ReadOnlySpan<byte> body, out bool isWaiting)
    {
        isWaiting = false;
        if (!WireFormat.TryReadHeader(value, out var schemaId, out body) || schemaId < 1)
            return false;
        if (schemas.Find(schemaId) is not { } schema)
        {
            isWaiting = true;
            return false;
        }
        if (schema.Kind == SchemaKind.Same)
            return true;
        if (schema.Kind != SchemaKind.Resolved)
            return false;
        _resolved.Clear();
        if (schema.Plan!.TryTranscode(body, _resolved, EventLimits.MaxEventBytes, out _) != DecodeError.None)
            return false;
        body = _resolved.WrittenSpan;
        return true;
    }
}
