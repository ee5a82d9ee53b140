using System.Globalization;
using System.IO.Compression;
using System.Text;
using Metering.Testing;

namespace Metering.Integration.Running;

/// <summary>Traces to replay, with their totals counted here by other means than the program's.</summary>
internal static class Traces
{
    private static readonly string[] Models = ["gpt-4o-mini", "gpt-4o", "no-such-model"];

    /// <summary>The real trace of the shared folder, or null.</summary>
    public static (string File, Totals Totals)? Azure()
    {
        if (SharedFolder.TryPath("data/traces/AzureLLMInferenceTrace_conv_2023.csv.gz") is not { } file)
            return null;
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        reader.ReadLine();
        var totals = new Totals(0, 0, 0);
        while (reader.ReadLine() is { Length: > 0 } row)
        {
            var fields = row.Split(',');
            totals += new Totals(1, long.Parse(fields[1], CultureInfo.InvariantCulture), long.Parse(fields[2], CultureInfo.InvariantCulture));
        }
        return (file, totals);
    }

    /// <summary>A trace in our own JSONL: its own pace spreads it over <paramref name="seconds"/>.</summary>
    public static (string File, Totals Totals) Own(string folder, string name, int events, int seconds, int seed)
    {
        var random = new Random(seed);
        var file = Path.Combine(folder, name + ".jsonl");
        var totals = new Totals(0, 0, 0);
        var start = DateTimeOffset.UnixEpoch.AddDays(20_000).ToUnixTimeMilliseconds() * 1000;
        using var writer = new StreamWriter(file, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        for (var i = 0; i < events; i++)
        {
            var (input, output) = (random.Next(1, 8_000), random.Next(0, 2_000));
            totals += new Totals(1, input, output);
            var at = start + (i * seconds * 1_000_000L / events);
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $$"""{"event_time":{{at}},"request_id":"{{name}}-{{i}}","tenant":"t{{random.Next(5)}}","model":"{{Models[random.Next(3)]}}","input_tokens":{{input}},"output_tokens":{{output}}}"""));
        }
        return (file, totals);
    }
}
