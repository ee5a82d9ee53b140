using System.Text;

namespace Metering.Kafka.Tasks.Side;

/// <summary>
/// Where a task's side inputs go on (R12): kept in the changelog beside the state that they made, under keys of their own, so
/// that both commit together. Stands between the host and the stage's processor.
/// </summary>
internal sealed class SidePositions(IPartitionProcessor processor) : IPartitionProcessor
{
    private readonly Dictionary<string, long> _next = new(StringComparer.Ordinal);
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);

    /// <summary>Reserved: no processor may save state under keys that begin so.</summary>
    private static ReadOnlySpan<byte> KeyPrefix => "side|"u8;

    public IReadOnlyDictionary<string, long> Next => _next;

    public bool WantsCommit => processor.WantsCommit;

    public bool IsIdleCommitDue(DateTimeOffset now) => processor.IsIdleCommitDue(now);

    public ProcessResult Process(in InputRecord record) => processor.Process(record);

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.StartsWith(KeyPrefix))
            _next[Encoding.UTF8.GetString(key[KeyPrefix.Length..])] = PositionRecord.Decode(value);
        else
            processor.Restore(key, value);
    }

    public void ProcessSide(string topic, in InputRecord record)
    {
        processor.ProcessSide(topic, record);
        _next[topic] = record.Offset + 1;
        _changed.Add(topic);
    }

    public void OnCommit(DateTimeOffset now, ITransactionOutput output)
    {
        processor.OnCommit(now, output);
        foreach (var topic in _changed)
            output.SaveState(KeyOf(topic), PositionRecord.Encode(_next[topic]));
        _changed.Clear();
    }

    public bool TrySaveAll(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        if (!processor.TrySaveAll(save))
            return false;
        foreach (var (topic, next) in _next)
            save(KeyOf(topic), PositionRecord.Encode(next));
        return true;
    }

    private static byte[] KeyOf(string topic) => [.. KeyPrefix, .. Encoding.UTF8.GetBytes(topic)];
}
