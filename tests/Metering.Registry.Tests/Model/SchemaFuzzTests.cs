using System.Globalization;
using Metering.Registry.Compatibility;
using Metering.Registry.Model;
using Metering.Registry.Tests.Compatibility;

namespace Metering.Registry.Tests.Model;

/// <summary>Schemas with random pieces of others put in their place: refused with a sentence, or read and written again as the same.</summary>
public sealed class SchemaFuzzTests
{
    private const int Cases = 20_000;

    [Fact]
    public void Parse_hostile_text_is_a_schema_or_a_sentence_and_never_another_failure()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        var texts = SchemaChange.All.SelectMany(change => new[] { change.Old, change.New }).Distinct(StringComparer.Ordinal).ToArray();
        var taken = 0;
        for (var i = 0; i < Cases; i++)
        {
            var text = Mutate(random, texts);
            string canonical;
            try
            {
                canonical = SchemaWriter.Write(SchemaParser.Parse(text));
            }
            catch (SchemaException refused)
            {
                Assert.NotEqual("", refused.Message);
                continue;
            }
            taken++;
            Assert.Equal(canonical, SchemaWriter.Write(SchemaParser.Parse(canonical)));
            Assert.True(CompatibilityChecker.Check(CompatibilityLevel.Full, text, [canonical]).IsCompatible, $"seed {seed}: {text}");
        }
        Assert.InRange(taken, 1, Cases - 1);
    }

    private static string Mutate(Random random, string[] texts)
    {
        var text = texts[random.Next(texts.Length)];
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            var other = texts[random.Next(texts.Length)];
            var from = random.Next(other.Length);
            var piece = random.Next(4) == 0 ? ((char)random.Next(0x300)).ToString() : other.Substring(from, random.Next(Math.Min(40, other.Length - from)));
            var at = random.Next(text.Length);
            text = string.Concat(text.AsSpan(0, at), piece, text.AsSpan(Math.Min(text.Length, at + random.Next(12))));
            if (text.Length == 0)
                return "";
        }
        return text;
    }
}
