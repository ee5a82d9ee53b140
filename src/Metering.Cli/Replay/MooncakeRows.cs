using System.Text.Json;
using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>
/// Mooncake's traces. A prompt is a chain of blocks of 512 tokens, each block's hash covering all before it, so a prefix
/// cache that keeps everything would have served exactly the leading blocks that earlier requests had: those are the
/// cached input tokens, the last block counting only as far as the prompt goes.
/// </summary>
internal sealed class MooncakeRows(LineReader lines) : ITraceRows
{
    private const int BlockTokens = 512;

    // 4M blocks are 2 G tokens of distinct prompt and about 100 MB here; then the cache is full and learns nothing more.
    private const int MaxBlocks = 4 << 20;

    private readonly HashSet<long> _seen = [];

    public TraceFormat Format => TraceFormat.MooncakeJsonl;

    public bool TryRead(TokenEvent into, out long atMicros)
    {
        atMicros = 0;
        if (!lines.MoveNext())
            return false;

        long? timestampMs = null, input = null, output = null;
        long? cachedBlocks = null;
        var reader = JsonLine.Open(lines);
        while (JsonLine.NextProperty(lines, ref reader, out var name))
        {
            switch (name)
            {
                case "timestamp": timestampMs = JsonLine.Whole(lines, ref reader, name, most: long.MaxValue / 1_000); break;
                case "input_length": input = JsonLine.Whole(lines, ref reader, name); break;
                case "output_length": output = JsonLine.Whole(lines, ref reader, name); break;
                case "hash_ids": cachedBlocks = ReadBlocks(ref reader, name); break;
                default: JsonLine.Skip(lines, ref reader); break;
            }
        }
        atMicros = Required(timestampMs, "timestamp") * 1_000;
        into.InputTokens = Required(input, "input_length");
        into.OutputTokens = Required(output, "output_length");
        into.CachedInputTokens = Math.Min(into.InputTokens, Required(cachedBlocks, "hash_ids") * BlockTokens);
        return true;
    }

    public void Dispose() => lines.Dispose();

    /// <summary>Learns the request's blocks and counts the leading ones that were known before.</summary>
    private long ReadBlocks(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw JsonLine.Error(lines, ref reader, $"{name}: expected an array of block ids");
        var known = 0L;
        var inPrefix = true;
        while (JsonLine.Read(lines, ref reader) && reader.TokenType != JsonTokenType.EndArray)
        {
            var block = JsonLine.Whole(lines, ref reader, name, least: long.MinValue);
            inPrefix &= _seen.Contains(block);
            if (inPrefix)
                known++;
            else if (_seen.Count < MaxBlocks)
                _seen.Add(block);
        }
        return known;
    }

    private long Required(long? value, string name) => value ?? throw lines.Error(1, $"has no {name}");
}
