using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Metering.Kafka.Tasks;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>
/// Copies every record to the output topic with its running number, which is its state: a record lost or doubled anywhere,
/// or state that does not belong to the offsets, shows as a number that does not fit.
/// </summary>
internal sealed class CountingProcessor(Func<string, bool>? waits = null) : IPartitionProcessor
{
    public const string Output = "counted";

    private readonly List<(byte[] Key, byte[] Value)> _pending = [];
    private long _count;

    public bool WantsCommit => _pending.Count >= 2_000;

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Assert.Equal("count", Encoding.UTF8.GetString(key));
        _count = BinaryPrimitives.ReadInt64BigEndian(value);
    }

    public ProcessResult Process(in InputRecord record)
    {
        var text = Encoding.UTF8.GetString(record.Value);
        if (waits?.Invoke(text) == true)
            return ProcessResult.Wait;
        _count++;
        _pending.Add((record.Key.ToArray(), Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{text}#{_count}"))));
        return ProcessResult.Taken;
    }

    public void OnCommit(DateTimeOffset now, ITransactionOutput output)
    {
        foreach (var (key, value) in _pending)
            output.Send(Output, null, key, value);
        _pending.Clear();
        output.SaveState("count"u8, Count());
    }

    public bool TrySaveAll(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        save("count"u8, Count());
        return true;
    }

    private byte[] Count()
    {
        var count = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(count, _count);
        return count;
    }
}
