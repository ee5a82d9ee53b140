using Avro.IO;
using Avro.Specific;
using Confluent.Kafka;
using Confluent.SchemaRegistry.Serdes;
using Metering.Events;
using Metering.Events.Tests;

namespace Metering.Benchmarks.Codec;

/// <summary>The passes over all sample events, one for each codec.</summary>
internal sealed class CodecRun
{
    private static readonly SerializationContext Context = new(MessageComponentType.Value, "token-events");

    private readonly TokenEvent[] _events;
    private readonly byte[][] _values;
    private readonly TokenEvent _reused = new();
    private readonly PooledBuffer _buffer = new(4096);
    private readonly AvroDeserializer<TokenEvent> _theirReader;
    private readonly AvroSerializer<TokenEvent> _theirWriter;
    private readonly MemoryStream _stream = new();
    private readonly SpecificDatumReader<TokenEvent> _apacheReader = new(TokenEvent.AvroSchema, TokenEvent.AvroSchema);
    private readonly BinaryDecoder _apacheDecoder;
    private readonly StringPool _pool = new();
    private readonly int _schemaId;
    private long _sum;

    public CodecRun(IReadOnlyList<TokenEvent> events)
    {
        var registry = new MemoryRegistry();
        _schemaId = registry.Add(TokenEvent.SchemaJson);
        _theirReader = new AvroDeserializer<TokenEvent>(registry.Client);
        _theirWriter = new AvroSerializer<TokenEvent>(registry.Client);
        _apacheDecoder = new BinaryDecoder(_stream);
        _events = [.. events];
        _values = events.Select(Encode).ToArray();
        MeanBytes = _values.Average(value => value.Length - WireFormat.HeaderBytes);
        CheckThatAllAgree();
    }

    public double MeanBytes { get; }

    public void ReadClasses()
    {
        foreach (var value in _values)
        {
            if (!WireFormat.TryReadHeader(value, out _, out var body) || TokenEvent.TryRead(body, _pool, _reused) != DecodeError.None)
                throw new InvalidOperationException("an event of our own could not be read");
            _sum += _reused.InputTokens;
        }
    }

    public void ReadViews()
    {
        foreach (var value in _values)
        {
            if (!WireFormat.TryReadHeader(value, out _, out var body) || TokenEventView.TryRead(body, out var view) != DecodeError.None)
                throw new InvalidOperationException("an event of our own could not be read");
            _sum += view.InputTokens;
        }
    }

    /// <summary>The asynchronous call, which their adapter for synchronous consumers waits for too.</summary>
    public void ReadTheirs()
    {
        foreach (var value in _values)
            _sum += _theirReader.DeserializeAsync(value, isNull: false, Context).GetAwaiter().GetResult().InputTokens;
    }

    /// <summary>What does the work below Confluent's deserializer, alone and into a record that is used again.</summary>
    public void ReadApache()
    {
        foreach (var value in _values)
        {
            _stream.SetLength(0);
            _stream.Write(value, WireFormat.HeaderBytes, value.Length - WireFormat.HeaderBytes);
            _stream.Position = 0;
            _sum += _apacheReader.Read(_reused, _apacheDecoder).InputTokens;
        }
    }

    public void Write()
    {
        foreach (var record in _events)
        {
            _buffer.Clear();
            WireFormat.Write(_buffer, _schemaId, record);
            _sum += _buffer.WrittenBytes;
        }
    }

    public void WriteTheirs()
    {
        foreach (var record in _events)
            _sum += _theirWriter.SerializeAsync(record, Context).GetAwaiter().GetResult().Length;
    }

    /// <summary>Bytes allocated per event by a pass that has run before.</summary>
    public double BytesPerEvent(Action pass)
    {
        pass();
        var before = GC.GetAllocatedBytesForCurrentThread();
        pass();
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / _values.Length;
    }

    /// <summary>The same over all threads, for Confluent's serdes go from one to another.</summary>
    public double BytesPerEventOfAllThreads(Action pass)
    {
        pass();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        pass();
        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / _values.Length;
    }

    /// <summary>The same with request ids never seen before, once the pool's two generations have their final size.</summary>
    public (double Total, double Beyond) BytesWithNewRequestIds()
    {
        var pool = new StringPool(maxStrings: 16_384);
        long allocated = 0, strings = 0;
        for (var pass = 0; pass < 6; pass++)
        {
            var bodies = Array.ConvertAll(_values, value => WithNewRequestId(value, pass));
            allocated = strings = 0;
            foreach (var body in bodies)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var error = TokenEvent.TryRead(body, pool, _reused);
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                strings += BytesOfString(_reused.RequestId);
                if (error != DecodeError.None)
                    throw new InvalidOperationException("an event of our own could not be read");
            }
        }
        return ((double)allocated / _values.Length, (double)(allocated - strings) / _values.Length);
    }

    private byte[] WithNewRequestId(byte[] value, int pass)
    {
        var body = value.AsSpan(WireFormat.HeaderBytes).ToArray();
        TokenEvent.TryRead(body, _pool, _reused);
        var at = body.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(_reused.RequestId));
        body[at] = (byte)('g' + pass);
        return body;
    }

    /// <summary>Object header, method table, length, characters and a terminator, in steps of eight bytes.</summary>
    private static long BytesOfString(string text) => (22 + 2L * text.Length + 7) / 8 * 8;

    private byte[] Encode(TokenEvent record)
    {
        _buffer.Clear();
        WireFormat.Write(_buffer, _schemaId, record);
        return _buffer.WrittenSpan.ToArray();
    }

    private void CheckThatAllAgree()
    {
        _sum = 0;
        ReadTheirs();
        var theirs = _sum;
        _sum = 0;
        ReadClasses();
        if (_sum != theirs)
            throw new InvalidOperationException($"the codecs disagree: {_sum} input tokens, Confluent's reads {theirs}");
    }
}
